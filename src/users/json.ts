import { z } from 'zod';
import { time } from '../platform/http/fields.js';
import { kindOf, type User } from './users.js';

export const userExample = {
  id: '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31',
  kind: 'person' as const,
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
    kind: z
      .enum(['person', 'service'])
      .meta({ description: 'A service user is a machine: it has API keys and no sessions.' }),
    username: z.string(),
    email: z.string().nullable(),
    email_verified: z.boolean(),
    roles: z.array(z.string()),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'User', example: userExample });

/** What a user sees of themselves. */
export type ShownUser = Pick<
  User,
  'id' | 'kind' | 'username' | 'email' | 'emailVerifiedAt' | 'roles' | 'createdAt' | 'updatedAt'
>;

export function userJson(user: ShownUser): z.infer<typeof userSchema> {
  return {
    id: user.id,
    kind: kindOf(user),
    username: user.username,
    email: user.email,
    email_verified: user.emailVerifiedAt !== null,
    roles: user.roles,
    created_at: user.createdAt.toISOString(),
    updated_at: user.updatedAt.toISOString(),
  };
}

export const adminUserExample = { ...userExample, disabled: false, last_login_at: userExample.updated_at };

export const adminUserSchema = userSchema
  .extend({ disabled: z.boolean(), last_login_at: time.nullable() })
  // Webhooks send it too: then the contract would allow more in what is sent than in what is answered.
  .strict()
  .meta({ id: 'AdminUser', example: adminUserExample });

export function adminUserJson(user: User): z.infer<typeof adminUserSchema> {
  return {
    ...userJson(user),
    disabled: user.disabledAt !== null,
    last_login_at: user.lastLoginAt?.toISOString() ?? null,
  };
}
