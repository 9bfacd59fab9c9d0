import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import type { SecondFactor } from './methods.js';

/** A method as both the database and the client have it. */
type Listed = { id: string; name: string; created_at: string; last_used_at: string | null };

type ListedPasskey = Listed & { credential_id: string; synced: boolean; aaguid: string | null; rp_id: string };

type ListedDevice = { created_at: string; expires_at: string; ip: string | null; user_agent: string | null };

type ListedIdentity = Omit<Listed, 'name'> & { provider: string; email: string | null; name: string | null };

/** All methods of a user, as they are listed; oldest first. */
export type MethodList = {
  password: boolean;
  second_factor: SecondFactor;
  totp: Listed[];
  passkeys: ListedPasskey[];
  /** That of the passkeys, also of a first one. */
  user_handle: string;
  recovery_codes: { left: number; created_at: string } | null;
  identities: ListedIdentity[];
  trusted_devices: ListedDevice[];
};

/** @returns undefined if there is no such user, or only a pending one */
export async function listMethods({ db }: { db: Db }, userId: string): Promise<MethodList | undefined> {
  const [found] = await db.$queryRaw<MethodList[]>`
    SELECT u.password_hash IS NOT NULL AS password, u.second_factor, ${totps} AS totp, ${passkeys} AS passkeys,
      coalesce((SELECT ${base64url('user_handle')} FROM passkey WHERE user_id = u.id ORDER BY id LIMIT 1),
        ${base64url('uuid_send(u.id)')}) AS user_handle,
      (SELECT jsonb_build_object('left', count(*), 'created_at', ${text('min(created_at)')}) FROM recovery_code
        WHERE user_id = u.id HAVING count(*) > 0) AS recovery_codes,
      ${identities} AS identities, ${devices} AS trusted_devices
    FROM "user" u WHERE u.id = ${userId}::uuid AND u.pending_until IS NULL AND u.deleted_at IS NULL`;
  return found;
}

const common = Prisma.sql`'id', id, 'name', name, 'created_at', ${text('created_at')},
  'last_used_at', ${text('last_used_at')}`;

const totps = listOf(common, Prisma.sql`FROM totp WHERE user_id = u.id AND confirmed_at IS NOT NULL`, 'id');

const passkeys = listOf(
  Prisma.sql`${common}, 'credential_id', ${base64url('credential_id')}, 'synced', synced, 'aaguid', aaguid,
    'rp_id', rp_id`,
  Prisma.sql`FROM passkey WHERE user_id = u.id`,
  'id',
);

const identities = listOf(
  Prisma.sql`${common}, 'provider', provider, 'email', email`,
  Prisma.sql`FROM identity WHERE user_id = u.id`,
  'id',
);

const devices = listOf(
  Prisma.sql`'created_at', ${text('created_at')}, 'expires_at', ${text('expires_at')}, 'ip', ip,
    'user_agent', user_agent`,
  Prisma.sql`FROM trusted_device WHERE user_id = u.id AND expires_at > clock_timestamp()`,
  'created_at',
);

function listOf(fields: Prisma.Sql, from: Prisma.Sql, order: string): Prisma.Sql {
  const sorted = Prisma.sql`jsonb_agg(jsonb_build_object(${fields}) ORDER BY ${Prisma.raw(order)})`;
  return Prisma.sql`(SELECT coalesce(${sorted}, '[]') ${from})`;
}

/** RFC 3339. */
function text(time: string): Prisma.Sql {
  return Prisma.raw(`to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);
}

function base64url(bytes: string): Prisma.Sql {
  return Prisma.raw(`translate(encode(${bytes}, 'base64'), E'+/=\\n', '-_')`);
}
