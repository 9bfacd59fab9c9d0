import { z } from 'zod';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { auditEventOnTheWire, todoOnTheWire, todoSchema, userOnTheWire, userSchema } from '../sessions/json.js';
import { exportUser, type UserExport } from './personal-data.js';

const time = z.iso.datetime();
const place = { ip: z.string().nullable(), user_agent: z.string().nullable() };

export const replySchema = z
  .object({
    user: userSchema.extend({
      pending_email: z.string().nullable(),
      disabled: z.boolean(),
      version: z.int(),
      last_login_at: time.nullable(),
    }),
    sessions: z.array(
      z.object({
        id: z.uuid(),
        created_at: time,
        last_used_at: time,
        refreshes: z.int(),
        ended_at: time.nullable(),
        end_reason: z.string().nullable(),
        ...place,
      }),
    ),
    todos: z.array(todoSchema),
    mails: z.array(
      z.object({
        id: z.uuid(),
        purpose: z.string(),
        recipient: z.string(),
        created_at: time,
        sent_at: time.nullable(),
        detail: z.unknown(),
      }),
    ),
    mailed_tokens: z.array(z.object({ purpose: z.string(), email: z.string(), expires_at: time })),
    audit: z.array(
      z.object({
        id: z.uuid(),
        at: time,
        action: z.string(),
        user_id: z.uuid().nullable(),
        actor_id: z.uuid().nullable(),
        detail: z.unknown(),
        ...place,
      }),
    ),
  })
  .meta({ id: 'UserExport' });

/** All that is held about the user, as one file. */
export async function handler({ deps, principal }: Context<'access-token'>): Promise<Reply> {
  const held = await exportUser(deps, principal.sub);
  // Deleted a moment ago: the session has ended with the user.
  if (!held) throw new AppError('session_revoked');
  const headers = { 'Content-Disposition': 'attachment; filename="gatelatch-export.json"' };
  return { status: 200, body: onTheWire(held), headers };
}

function onTheWire({ user, sessions, todos, mails, tokens, events }: UserExport): z.infer<typeof replySchema> {
  return {
    user: {
      ...userOnTheWire(user),
      pending_email: user.pendingEmail,
      disabled: user.disabledAt !== null,
      version: user.version,
      last_login_at: text(user.lastLoginAt),
    },
    sessions: sessions.map((session) => ({
      id: session.id,
      created_at: session.createdAt.toISOString(),
      last_used_at: session.rotatedAt.toISOString(),
      refreshes: session.counter,
      ended_at: text(session.endedAt),
      end_reason: session.endReason,
      ip: session.ip,
      user_agent: session.userAgent,
    })),
    todos: todos.map(todoOnTheWire),
    mails: mails.map(({ id, purpose, recipient, createdAt, sentAt, detail }) => ({
      id,
      purpose,
      recipient,
      created_at: createdAt.toISOString(),
      sent_at: text(sentAt),
      detail,
    })),
    mailed_tokens: tokens.map(({ purpose, emailKey, expiresAt }) => ({
      purpose,
      email: emailKey,
      expires_at: expiresAt.toISOString(),
    })),
    audit: events.map(auditEventOnTheWire),
  };
}

function text(time: Date | null): string | null {
  return time?.toISOString() ?? null;
}
