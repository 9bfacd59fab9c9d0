import { NIL } from 'uuid';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { recoveryCodeHash } from './recovery-codes.js';

/** What a code is compared with. */
export type Factors = {
  /** Of the database's clock, in seconds, so that all instances agree on the step. */
  now: number;
  /** Confirmed ones; the secret in base64. */
  totps: { id: string; secret: string; lastStep: number }[];
  recoveryCodes: number;
  /** Whether the code is one of them. */
  isRecoveryCode: boolean;
  isTrusted: boolean;
};

/** The columns of {@link Factors} for the user `u`. @param deviceId the known device that asks */
export function factorColumns(code: string, deviceId: string | undefined): Prisma.Sql {
  return Prisma.sql`extract(epoch FROM clock_timestamp())::float8 AS now,
    (SELECT coalesce(json_agg(json_build_object('id', id, 'secret', encode(secret, 'base64'), 'lastStep', last_step)),
      '[]') FROM totp WHERE user_id = u.id AND confirmed_at IS NOT NULL) AS totps,
    (SELECT count(*)::int FROM recovery_code WHERE user_id = u.id) AS "recoveryCodes",
    EXISTS (SELECT FROM recovery_code WHERE user_id = u.id AND hash = ${recoveryCodeHash(code) ?? null}::bytea)
      AS "isRecoveryCode",
    EXISTS (SELECT FROM trusted_device WHERE user_id = u.id AND device_id = ${deviceId ?? null}
      AND expires_at > clock_timestamp()) AS "isTrusted"`;
}

/** Costs the same without a user as with one. */
export async function factorsOf(
  { db }: { db: Db },
  userId: string | undefined,
  code: string,
  deviceId: string | undefined,
): Promise<Factors> {
  const [factors] = await db.direct<Factors>(
    Prisma.sql`SELECT ${factorColumns(code, deviceId)} FROM (SELECT ${userId ?? NIL}::uuid AS id) u`,
  );
  if (!factors) throw new Error('A SELECT returned nothing');
  return factors;
}
