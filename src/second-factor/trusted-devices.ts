import { auditEvent } from '../audit/events.js';
import type { Config } from '../config.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import type { Proof } from '../sessions/start.js';
import type { FullProof } from './given-factor.js';

type Settings = { config: Pick<Config, 'trustedDeviceTtl'> };

/** The most that a user may have; then the oldest is forgotten. */
const maxDevices = 20;

/** Whether a user may be spared the second factor on a device. */
export function mayTrustDevices({ config }: Settings, user: { secondFactor: string }): boolean {
  return config.trustedDeviceTtl !== undefined && user.secondFactor === 'any';
}

/** What the first factor proves on a trusted device: no more than itself. */
export function onTrustedDevice(first: Proof, deviceId: string): Proof {
  return {
    ...first,
    // Also where a provider says that two factors were used there: the one that is due here was not given.
    acr: 'aal1',
    // FOR SHARE: one that is forgotten at this moment counts no more.
    spend: Prisma.sql`spent AS (
      SELECT t.user_id FROM trusted_device t JOIN locked ON locked.id = t.user_id
      WHERE t.device_id = ${deviceId} AND t.expires_at > clock_timestamp() AND locked.second_factor = 'any'
      FOR SHARE OF t)`,
    wrongCodes: Prisma.sql`locked.wrong_codes`,
  };
}

/** The same proof; if it counts, the device is trusted from then on. */
export function trusting({ config }: Settings, proof: FullProof, deviceId: string, caller: Caller): FullProof {
  const seconds = config.trustedDeviceTtl;
  if (seconds === undefined) return proof;
  const recorded = auditEvent(
    'device.trusted',
    proof.userId,
    { actorId: proof.userId, caller },
    {},
    Prisma.sql`FROM trusted`,
  );
  const told = enqueueNotice('device_trusted', Prisma.sql`FROM (SELECT u.* FROM u, trusted) u`, caller);
  const trust = Prisma.sql`trusted AS (
      INSERT INTO trusted_device (user_id, device_id, created_at, expires_at, ip, user_agent)
      SELECT u.id, ${deviceId}, clock_timestamp(), clock_timestamp() + make_interval(secs => ${seconds}),
        ${caller.address}, ${caller.userAgent ?? null}
      FROM u WHERE u.second_factor = 'any'
      ON CONFLICT (user_id, device_id) DO UPDATE SET created_at = excluded.created_at, expires_at = excluded.expires_at,
        ip = excluded.ip, user_agent = excluded.user_agent
      RETURNING user_id
    ), forgotten AS (
      DELETE FROM trusted_device USING trusted
      WHERE trusted_device.user_id = trusted.user_id AND trusted_device.device_id IN (
        SELECT t.device_id FROM trusted_device t WHERE t.user_id = trusted.user_id AND t.device_id <> ${deviceId}
        ORDER BY t.created_at DESC OFFSET ${maxDevices - 1})
    ), trust_recorded AS (${recorded}), told_of_trust AS (${told})`;
  return { ...proof, also: proof.also ? Prisma.sql`${proof.also}, ${trust}` : trust };
}
