import { z } from 'zod';
import { Prisma, type ApiKey as Row } from '../generated/prisma/client.js';
import { time } from '../platform/http/fields.js';

/** A key as it is shown: never its hash. */
export type ShownKey = Pick<
  Row,
  'id' | 'name' | 'start' | 'scopes' | 'createdAt' | 'createdBy' | 'expiresAt' | 'lastUsedAt'
>;

/** The columns of a {@link ShownKey}. */
export const shownColumns = Prisma.sql`id, name, start, scopes, created_at AS "createdAt", created_by AS "createdBy",
  expires_at AS "expiresAt", last_used_at AS "lastUsedAt"`;

const owner = '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31';

const apiKeyExample = {
  id: '01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18',
  name: 'Nightly backup',
  start: 'glk_x7Qa',
  scopes: ['todos:read'],
  created_at: '2026-11-22T14:18:48.360Z',
  created_by: owner,
  expires_at: '2027-02-20T14:18:48.360Z',
  last_used_at: null,
};

const apiKeySchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    start: z.string().meta({ description: 'The prefix and four characters, to tell keys apart.' }),
    scopes: z.array(z.string()).meta({ description: 'It has those of them that its owner still has.' }),
    created_at: time,
    created_by: z.uuid().nullable().meta({ description: 'Null for the command line.' }),
    expires_at: time.nullable(),
    last_used_at: time.nullable().meta({ description: 'Written once a minute.' }),
  })
  .meta({ id: 'ApiKey', example: apiKeyExample });

export const apiKeyListSchema = z
  .object({ data: z.array(apiKeySchema) })
  .meta({ id: 'ApiKeyList', example: { data: [apiKeyExample] } });

export const madeKeySchema = apiKeySchema
  .extend({ key: z.string().meta({ description: 'Shown this once.' }) })
  .meta({ id: 'MadeApiKey', example: { ...apiKeyExample, key: `glk_${'0'.repeat(22)}…` } });

export function apiKeyJson(key: ShownKey): z.infer<typeof apiKeySchema> {
  return {
    id: key.id,
    name: key.name,
    start: key.start,
    scopes: key.scopes,
    created_at: key.createdAt.toISOString(),
    created_by: key.createdBy,
    expires_at: key.expiresAt?.toISOString() ?? null,
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
  };
}
