import { z } from 'zod';
import { auditActions } from '../audit/events.js';
import type { RecordedEvent } from '../audit/list.js';
import type { Todo } from '../own/todos/todos.js';
import type { User } from '../users/users.js';
import type { LiveSession } from './list.js';
import type { SessionTokens } from './start.js';

/** What is answered: the schemas that several routes share, and how rows become them. Names are snake_case. */

const time = z.iso.datetime();

const userExample = {
  id: '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31',
  username: 'ada',
  email: 'ada@example.com',
  email_verified: true,
  roles: ['editor'],
  created_at: '2026-11-22T14:18:48.360Z',
  updated_at: '2026-11-22T14:18:48.360Z',
};

export const userSchema = z
  .object({
    id: z.uuid(),
    username: z.string(),
    email: z.string().nullable(),
    email_verified: z.boolean(),
    roles: z.array(z.string()),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'User', example: userExample });

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
export const adminUserSchema = userSchema
  .extend({ disabled: z.boolean(), last_login_at: time.nullable() })
  .meta({ id: 'AdminUser', example: { ...userExample, disabled: false, last_login_at: userExample.updated_at } });

export function adminUserOnTheWire(user: User): z.infer<typeof adminUserSchema> {
  return {
    ...userOnTheWire(user),
    disabled: user.disabledAt !== null,
    last_login_at: user.lastLoginAt?.toISOString() ?? null,
  };
}

const sessionExample = {
  id: '01a203b2-0d47-7f06-8a35-9e1d6b7c4f52',
  created_at: '2026-11-22T14:18:48.360Z',
  last_used_at: '2026-11-22T14:33:02.118Z',
  expires_at: '2026-12-22T14:33:02.118Z',
  ip: '192.0.2.7',
  user_agent: 'Mozilla/5.0',
  current: true,
};

export const sessionSchema = z
  .object({
    id: z.uuid(),
    created_at: time,
    last_used_at: time.meta({ description: 'When its refresh token was last used.' }),
    expires_at: time.meta({ description: 'When it ends unless it is refreshed.' }),
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
    current: z.boolean().meta({ description: 'Whether it is the session that asks.' }),
  })
  .meta({ id: 'Session', example: sessionExample });

export const sessionListSchema = z
  .object({ data: z.array(sessionSchema) })
  .meta({ id: 'SessionList', example: { data: [sessionExample] } });

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

/** The token response (RFC 6749 §5.1); with `transport: "cookie"` the three tokens are in cookies instead. */
export const tokenResponseSchema = z
  .object({
    access_token: z.string().optional().meta({ description: 'A JWT. Not with the transport `cookie`.' }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'How long the access token is good for, in seconds.' }),
    refresh_token: z.string().optional().meta({ description: 'Good for one use. Not with the transport `cookie`.' }),
    refresh_expires_in: z.int().meta({ description: 'How long the refresh token is good for, in seconds.' }),
    session_id: z.uuid(),
    device_token: z
      .string()
      .optional()
      .meta({ description: 'To be sent with the next login. Not after a refresh, nor with the transport `cookie`.' }),
    user: userSchema,
  })
  .meta({
    id: 'TokenResponse',
    description: 'RFC 6749 §5.1. With the transport `cookie`, the three tokens are in cookies instead.',
    example: {
      access_token: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMWEyMDM5ZiJ9.c2lnbmF0dXJl',
      refresh_token: 'AcFTi4L3FoAAAZogOfZs4XtMnFFqXY8OKzEBAAAAAA',
      device_token: '3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE',
      token_type: 'Bearer',
      expires_in: 900,
      refresh_expires_in: 2592000,
      session_id: sessionExample.id,
      user: userExample,
    },
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

export const todoSchema = z
  .object({
    id: z.uuid(),
    title: z.string(),
    completed: z.boolean(),
    created_at: time,
    updated_at: time,
  })
  .meta({
    id: 'Todo',
    example: {
      id: '01a203a4-7c1e-7d3b-9a52-3f0c6c1f2a10',
      title: 'Read the route table',
      completed: false,
      created_at: '2026-11-22T14:20:03.870Z',
      updated_at: '2026-11-22T14:20:03.870Z',
    },
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
  const { id, example } = item.meta() ?? {};
  return z
    .object({
      data: z.array(item),
      next_cursor: z.string().nullable().meta({ description: 'The next page’s `cursor`; null on the last.' }),
    })
    .meta({
      ...(id && { id: `${id}Page` }),
      ...(example !== undefined && { example: { data: [example], next_cursor: null } }),
    });
}

export const auditEventSchema = z
  .object({
    id: z.uuid(),
    at: time,
    action: z.enum(auditActions),
    user_id: z.uuid().nullable().meta({ description: 'Whom it is about.' }),
    actor_id: z.uuid().nullable().meta({ description: 'Who did it; null for the command line and the server itself.' }),
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
    detail: z.looseObject({}),
  })
  .meta({
    id: 'AuditEvent',
    example: {
      id: '01a203c0-5b9e-7a11-8f60-2d4c7e9a1b83',
      at: '2026-11-22T14:40:11.020Z',
      action: 'login.succeeded',
      user_id: userExample.id,
      actor_id: userExample.id,
      ip: '192.0.2.7',
      user_agent: 'Mozilla/5.0',
      detail: {},
    },
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
