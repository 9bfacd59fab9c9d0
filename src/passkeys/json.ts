import { z } from 'zod';
import type { Passkey as Row } from '../generated/prisma/client.js';
import { time } from '../platform/http/fields.js';

export type Passkey = Pick<
  Row,
  'id' | 'name' | 'credentialId' | 'rpId' | 'aaguid' | 'synced' | 'createdAt' | 'lastUsedAt'
>;

export const passkeyExample = {
  id: '01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18',
  name: 'Ada’s laptop',
  credential_id: 'Yk3vJ8xq0ZtLw2sDfGhN5A',
  synced: true,
  aaguid: 'fbfc3007-154e-4ecc-8c0b-6e020557d7bd',
  rp_id: 'example.com',
  created_at: '2026-11-22T14:18:48.360Z',
  last_used_at: null,
};

export const passkeySchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    credential_id: z.string().meta({ description: 'For `signalAllAcceptedCredentials`.' }),
    synced: z.boolean().meta({ description: 'Whether other devices may have it, too.' }),
    aaguid: z.string().nullable().meta({ description: 'The model of its authenticator, as that one says.' }),
    rp_id: z.string(),
    created_at: time,
    last_used_at: time.nullable(),
  })
  .meta({ id: 'Passkey', example: passkeyExample });

export function passkeyJson(passkey: Passkey): z.infer<typeof passkeySchema> {
  const { id, name, credentialId, synced, aaguid, rpId, createdAt, lastUsedAt } = passkey;
  return {
    id,
    name,
    credential_id: Buffer.from(credentialId).toString('base64url'),
    synced,
    aaguid,
    rp_id: rpId,
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt?.toISOString() ?? null,
  };
}
