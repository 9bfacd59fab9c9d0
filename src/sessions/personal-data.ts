import { z } from 'zod';
import { time } from '../platform/http/fields.js';
import { inPages, maxExported, personalData } from '../platform/personal-data.js';

/** A user's sessions, without the hash of the nonce: only a thief could use it. */
export const sessionsData = personalData({
  table: 'session',
  schema: z.object({
    id: z.uuid(),
    created_at: time,
    last_used_at: time,
    refreshes: z.int(),
    amr: z.array(z.string()),
    acr: z.string(),
    auth_time: time,
    ended_at: time.nullable(),
    end_reason: z.string().nullable(),
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
  }),
  read: (db, { id: userId }) =>
    inPages(
      ({ after, take }) =>
        db.session.findMany({
          where: { userId, id: { gt: after } },
          omit: { nonceHash: true },
          orderBy: { id: 'asc' },
          take,
        }),
      (session) => ({
        id: session.id,
        created_at: session.createdAt.toISOString(),
        last_used_at: session.rotatedAt.toISOString(),
        refreshes: session.counter,
        amr: session.amr,
        acr: session.acr,
        auth_time: (session.authTime ?? session.createdAt).toISOString(),
        ended_at: session.endedAt?.toISOString() ?? null,
        end_reason: session.endReason,
        ip: session.ip,
        user_agent: session.userAgent,
      }),
    ),
});

/** A user's API keys, without the hashes of their secrets. */
export const apiKeysData = personalData({
  table: 'api_key',
  schema: z.object({
    id: z.uuid(),
    name: z.string(),
    start: z.string(),
    scopes: z.array(z.string()),
    created_at: time,
    created_by: z.uuid().nullable(),
    expires_at: time.nullable(),
    last_used_at: time.nullable(),
    revoked_at: time.nullable(),
  }),
  async read(db, { id: userId }) {
    const rows = await db.apiKey.findMany({ where: { userId }, omit: { secretHash: true }, take: maxExported });
    return rows.map((key) => ({
      id: key.id,
      name: key.name,
      start: key.start,
      scopes: key.scopes,
      created_at: key.createdAt.toISOString(),
      created_by: key.createdBy,
      expires_at: key.expiresAt?.toISOString() ?? null,
      last_used_at: key.lastUsedAt?.toISOString() ?? null,
      revoked_at: key.revokedAt?.toISOString() ?? null,
    }));
  },
});
