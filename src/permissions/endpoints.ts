import { z } from 'zod';
import { endpoint } from '../endpoint.js';
import { permissions, roles } from './permissions.js';

const described = { name: z.string(), description: z.string() };

const rolesSchema = z
  .object({
    roles: z.array(z.object({ ...described, permissions: z.array(z.string()) })),
    permissions: z.array(z.object(described)),
  })
  .meta({
    id: 'Roles',
    example: {
      roles: [{ name: 'auditor', description: 'Reads the audit.', permissions: ['audit:read'] }],
      permissions: [{ name: 'audit:read', description: 'Read the audit.' }],
    },
  });

export const list = endpoint({
  name: 'listRoles',
  summary: 'List the roles and the permissions',
  statements: 0,
  reply: [200, rolesSchema],
  returns: 'Every role with what it gives, and every permission. Both are code, so they change by a release only.',
  handler: () => ({ body: { roles, permissions } }),
});
