import { z } from 'zod';
import { auditData } from '../audit/personal-data.js';
import type { Deps } from '../deps.js';
import { mailedTokensData, mailsData } from '../email/personal-data.js';
import { endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { invitationsData } from '../invitations/personal-data.js';
import { ownPersonalData } from '../own/personal-data.js';
import { type Caller, keyOfCaller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import { time } from '../platform/http/fields.js';
import { JsonStream } from '../platform/http/json-stream.js';
import type { PersonalData } from '../platform/personal-data.js';
import {
  identitiesData,
  loginAttemptsData,
  passkeysData,
  recoveryCodesData,
  totpsData,
  trustedDevicesData,
} from '../second-factor/personal-data.js';
import { apiKeysData, sessionsData } from '../sessions/personal-data.js';
import { userJson, userSchema } from '../users/json.js';

/** What each room holds about a user besides the user's row, by its name in the export. */
export const exported: Record<string, PersonalData> = {
  sessions: sessionsData,
  api_keys: apiKeysData,
  totp: totpsData,
  passkeys: passkeysData,
  identities: identitiesData,
  recovery_codes: recoveryCodesData,
  trusted_devices: trustedDevicesData,
  login_attempts: loginAttemptsData,
  ...ownPersonalData,
  mails: mailsData,
  mailed_tokens: mailedTokensData,
  invitations: invitationsData,
  audit: auditData,
};

const exportedUserSchema = userSchema.extend({
  pending_email: z.string().nullable(),
  password: z.boolean(),
  second_factor: z.string(),
  disabled: z.boolean(),
  version: z.int(),
  last_login_at: time.nullable(),
});

const lists = Object.entries(exported).map(([name, { schema }]) => [name, z.array(schema)] as const);

export const exportSchema = z
  .object({ user: exportedUserSchema, ...Object.fromEntries(lists) })
  .meta({ id: 'UserExport' });

/** All data about the user, without the hashes of password, tokens and session nonces: only a thief could use them. */
export const exportMe = endpoint({
  name: 'exportMe',
  summary: 'Export all data about you',
  // Of a user whose lists have one page each.
  statements: 1 + lists.length,
  reply: [200, exportSchema],
  returns:
    'Everything that is held about you, as a file. A long one comes in pieces; if it fails half-way, the connection is cut.',
  headers: ['Content-Disposition'],
  errors: ['rate_limited', 'overloaded'],
  async handler({ deps, principal, caller }) {
    const headers = { 'Content-Disposition': 'attachment; filename="gatelatch-export.json"' };
    return { body: await JsonStream.of(exportOf(deps, principal.sub, caller)), headers };
  },
});

async function* exportOf(
  { db, exportTurns }: Pick<Deps, 'db' | 'exportTurns'>,
  id: string,
  caller: Caller,
): AsyncGenerator<string> {
  const key = keyOfCaller(caller);
  const end = exportTurns.begin(id, key);
  try {
    yield `{"user":${JSON.stringify(await exportedUser(db, id))}`;
    for (const [name, { read }] of Object.entries(exported)) {
      yield `,${JSON.stringify(name)}:[`;
      yield* itemsOf(inPieces(read(db, { id })), (page) => exportTurns.page(key, page, caller));
      yield ']';
    }
    yield '}';
  } finally {
    end();
  }
}

async function* inPieces(rows: ReturnType<PersonalData['read']>): AsyncGenerator<unknown[]> {
  if (rows instanceof Promise) yield await rows;
  else yield* rows;
}

async function* itemsOf(
  pages: AsyncGenerator<unknown[]>,
  inTurn: (page: () => Promise<string | undefined>) => Promise<string | undefined>,
): AsyncGenerator<string> {
  const nextPage = async () => {
    const { done, value } = await pages.next();
    return done ? undefined : value.map((item) => JSON.stringify(item)).join(',');
  };
  let separator = '';
  for (let items = await inTurn(nextPage); items !== undefined; items = await inTurn(nextPage)) {
    if (items === '') continue;
    yield separator + items;
    separator = ',';
  }
}

async function exportedUser(db: Db, id: string): Promise<z.input<typeof exportedUserSchema>> {
  const user = await db.user.findUnique({ where: { id, deletedAt: null } });
  if (!user) throw new AppError('session_revoked');
  return {
    ...userJson(user),
    pending_email: user.pendingEmail,
    password: user.passwordHash !== null,
    second_factor: user.secondFactor,
    disabled: user.disabledAt !== null,
    version: user.version,
    last_login_at: user.lastLoginAt?.toISOString() ?? null,
  };
}
