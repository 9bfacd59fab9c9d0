import { z } from 'zod';
import { auditActions } from './domain/audit.js';
import type { RecordedEvent } from './domain/audit-list.js';
import type { LiveSession } from './domain/session-list.js';
import type { SessionTokens } from './domain/sessions.js';
import type { Todo } from './domain/todos.js';
import type { User } from './domain/users.js';

/** What travels: the schemas that several routes share, and how rows become them. Names are snake_case. */

const time = z.iso.datetime();

export const userSchema = z.object({
  id: z.uuid(),
  username: z.string(),
  email: z.string().nullable(),
  email_verified: z.boolean(),
  roles: z.array(z.string()),
  created_at: time,
  updated_at: time,
});

export function userOnTheWire(user: Omit<User, 'passwordHash'>): z.infer<typeof userSchema> {
  return {
    id: user.id,
    username: user.username,
    email: user.email,
    email_verified: user.emailVerifiedAt !== null,
    roles: user.roles,
    created_at: user.createdAt.toISOString(),
    updated_at: user.updatedAt.toISOString(),
  };
}

/** A user as administrators see them. */
export const adminUserSchema = userSchema.extend({ disabled: z.boolean(), last_login_at: time.nullable() });

export function adminUserOnTheWire(user: User): z.infer<typeof adminUserSchema> {
  return {
    ...userOnTheWire(user),
    disabled: user.disabledAt !== null,
    last_login_at: user.lastLoginAt?.toISOString() ?? null,
  };
}

export const sessionListSchema = z.object({
  data: z.array(
    z.object({
      id: z.uuid(),
      created_at: time,
      last_used_at: time,
      expires_at: time,
      ip: z.string().nullable(),
      user_agent: z.string().nullable(),
      current: z.boolean(),
    }),
  ),
});

/** @param current the session of whoever asks */
export function sessionsOnTheWire(live: LiveSession[], current: string): z.infer<typeof sessionListSchema> {
  const data = live.map((session) => ({
    id: session.id,
    created_at: session.createdAt.toISOString(),
    last_used_at: session.lastUsedAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
    ip: session.ip,
    user_agent: session.userAgent,
    current: session.id === current,
  }));
  return { data };
}

export const transportSchema = z.enum(['bearer', 'cookie']);

/** The token response (RFC 6749 §5.1); with `transport: "cookie"` the three tokens are in cookies instead. */
export const tokenResponseSchema = z.object({
  access_token: z.string().optional(),
  token_type: z.literal('Bearer'),
  expires_in: z.int(),
  refresh_token: z.string().optional(),
  refresh_expires_in: z.int(),
  session_id: z.uuid(),
  device_token: z.string().optional(),
  user: userSchema,
});

/** The part of a token response that is the same for both transports. */
export function tokenFacts(issued: SessionTokens): z.infer<typeof tokenResponseSchema> {
  return {
    token_type: 'Bearer',
    expires_in: issued.accessExpiresIn,
    refresh_expires_in: issued.refreshExpiresIn,
    session_id: issued.sessionId,
    user: userOnTheWire(issued.user),
  };
}

export const todoSchema = z.object({
  id: z.uuid(),
  title: z.string(),
  completed: z.boolean(),
  created_at: time,
  updated_at: time,
});

export function todoOnTheWire(todo: Todo): z.infer<typeof todoSchema> {
  return {
    id: todo.id,
    title: todo.title,
    completed: todo.completed,
    created_at: todo.createdAt.toISOString(),
    updated_at: todo.updatedAt.toISOString(),
  };
}

/** One page of a list: pass `next_cursor` as `?cursor=` for the next; null at the end. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item), next_cursor: z.string().nullable() });
}

export const pageQuerySchema = z.object({
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, 'A whole number from 1 to 100.')
    .default('20')
    .transform(Number),
  cursor: z.uuid().optional(),
});

export const usernameSchema = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{3,32}$/, 'Use 3 to 32 of the letters a-z and A-Z, digits, dot, underscore and hyphen.');

/** At most so many, and so long, that an access token fits into a cookie (ASVS 3.3.5: 4,096 bytes). */
export const rolesSchema = z
  .array(
    z
      .string()
      .regex(
        /^[a-zA-Z0-9][a-zA-Z0-9._:-]{0,31}$/,
        'Use 1 to 32 letters, digits, dots, underscores, colons and hyphens.',
      ),
  )
  .max(32, 'At most 32 roles.');

// ASCII only (as zod's pattern is), so that no Unicode look-alike or case mapping can make two addresses one.
export const emailSchema = z.email('Not an e-mail address.').max(254, 'At most 254 characters.');

/** A token as it was mailed. What is none of ours is not told from one that is used up. */
export const mailTokenSchema = z.string().max(200);

/**
 * Text that a database can hold unchanged: well-formed Unicode without NUL, and without a byte order mark at its
 * start, which the embedded database takes away.
 */
export function textSchema(minLength: number, maxLength: number) {
  return z
    .string()
    .min(minLength)
    .max(maxLength)
    .refine((text) => text.isWellFormed() && !/^\ufeff|\0/.test(text), 'Not valid Unicode text.');
}

export const auditEventSchema = z.object({
  id: z.uuid(),
  at: time,
  action: z.enum(auditActions),
  user_id: z.uuid().nullable(),
  actor_id: z.uuid().nullable(),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  detail: z.looseObject({}),
});

export function auditEventOnTheWire(event: RecordedEvent) {
  return {
    id: event.id,
    at: event.at.toISOString(),
    action: event.action,
    user_id: event.userId,
    actor_id: event.actorId,
    ip: event.ip,
    user_agent: event.userAgent,
    detail: event.detail,
  };
}
