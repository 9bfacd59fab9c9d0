import { z } from 'zod';
import { auditData } from '../audit/personal-data.js';
import { mailedTokensData, mailsData } from '../email/personal-data.js';
import { endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { ownPersonalData } from '../own/personal-data.js';
import { time } from '../platform/http/fields.js';
import type { PersonalData } from '../platform/personal-data.js';
import { sessionsData } from '../sessions/personal-data.js';
import { userJson, userSchema } from '../users/json.js';

/** What each room holds about a user besides the user's row, by its name in the export. */
export const exported: Record<string, PersonalData> = {
  sessions: sessionsData,
  ...ownPersonalData,
  mails: mailsData,
  mailed_tokens: mailedTokensData,
  audit: auditData,
};

const exportedUserSchema = userSchema.extend({
  pending_email: z.string().nullable(),
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
  reply: [200, exportSchema],
  headers: ['Content-Disposition'],
  async handler({ deps: { db }, principal }) {
    const user = await db.user.findUnique({
      where: { id: principal.sub, deletedAt: null },
      omit: { passwordHash: true },
    });
    if (!user) throw new AppError('session_revoked');
    const held = await Promise.all(
      Object.entries(exported).map(async ([name, { read }]) => [name, await read(db, { id: user.id })] as const),
    );
    const own = {
      ...userJson(user),
      pending_email: user.pendingEmail,
      disabled: user.disabledAt !== null,
      version: user.version,
      last_login_at: user.lastLoginAt?.toISOString() ?? null,
    };
    const headers = { 'Content-Disposition': 'attachment; filename="gatelatch-export.json"' };
    return { body: { user: own, ...Object.fromEntries(held) }, headers };
  },
});
