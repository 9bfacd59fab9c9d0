import { z } from 'zod';
import { time } from '../platform/http/fields.js';
import { maxExported, personalData } from '../platform/personal-data.js';

/** A user's authenticator apps, without their secrets. */
export const totpsData = personalData({
  table: 'totp',
  schema: z.object({
    id: z.uuid(),
    name: z.string(),
    created_at: time,
    confirmed_at: time.nullable(),
    last_used_at: time.nullable(),
  }),
  async read(db, { id: userId }) {
    const rows = await db.totp.findMany({ where: { userId }, omit: { secret: true }, take: maxExported });
    return rows.map(({ id, name, createdAt, confirmedAt, lastUsedAt }) => ({
      id,
      name,
      created_at: createdAt.toISOString(),
      confirmed_at: confirmedAt?.toISOString() ?? null,
      last_used_at: lastUsedAt?.toISOString() ?? null,
    }));
  },
});

/** A user's passkeys, without their keys. */
export const passkeysData = personalData({
  table: 'passkey',
  schema: z.object({
    id: z.uuid(),
    name: z.string(),
    rp_id: z.string(),
    synced: z.boolean(),
    created_at: time,
    last_used_at: time.nullable(),
  }),
  async read(db, { id: userId }) {
    const rows = await db.passkey.findMany({ where: { userId }, omit: { publicKey: true }, take: maxExported });
    return rows.map(({ id, name, rpId, synced, createdAt, lastUsedAt }) => ({
      id,
      name,
      rp_id: rpId,
      synced,
      created_at: createdAt.toISOString(),
      last_used_at: lastUsedAt?.toISOString() ?? null,
    }));
  },
});

/** The people at providers who are linked to a user. */
export const identitiesData = personalData({
  table: 'identity',
  schema: z.object({
    id: z.uuid(),
    provider: z.string(),
    issuer: z.string(),
    subject: z.string(),
    email: z.string().nullable(),
    name: z.string().nullable(),
    created_at: time,
    last_used_at: time.nullable(),
  }),
  async read(db, { id: userId }) {
    const rows = await db.identity.findMany({ where: { userId }, take: maxExported });
    return rows.map(({ id, provider, issuer, subject, email, name, createdAt, lastUsedAt }) => ({
      id,
      provider,
      issuer,
      subject,
      email,
      name,
      created_at: createdAt.toISOString(),
      last_used_at: lastUsedAt?.toISOString() ?? null,
    }));
  },
});

/** When each was made, without its hash. */
export const recoveryCodesData = personalData({
  table: 'recovery_code',
  schema: z.object({ created_at: time }),
  async read(db, { id: userId }) {
    const rows = await db.recoveryCode.findMany({ where: { userId }, select: { createdAt: true }, take: maxExported });
    return rows.map(({ createdAt }) => ({ created_at: createdAt.toISOString() }));
  },
});

export const trustedDevicesData = personalData({
  table: 'trusted_device',
  schema: z.object({
    created_at: time,
    expires_at: time,
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
  }),
  async read(db, { id: userId }) {
    const rows = await db.trustedDevice.findMany({ where: { userId }, omit: { deviceId: true }, take: maxExported });
    return rows.map(({ createdAt, expiresAt, ip, userAgent }) => ({
      created_at: createdAt.toISOString(),
      expires_at: expiresAt.toISOString(),
      ip,
      user_agent: userAgent,
    }));
  },
});

/** Logins that wait for their second factor. */
export const loginAttemptsData = personalData({
  table: 'login_attempt',
  schema: z.object({ amr: z.array(z.string()), tries: z.int(), expires_at: time }),
  async read(db, { id: userId }) {
    const rows = await db.loginAttempt.findMany({ where: { userId }, omit: { hash: true }, take: maxExported });
    return rows.map(({ amr, tries, expiresAt }) => ({ amr, tries, expires_at: expiresAt.toISOString() }));
  },
});
