import { z } from 'zod';
import { time } from '../platform/http/fields.js';
import type { Invitation } from './invitations.js';

export const invitationSchema = z
  .object({
    id: z.uuid(),
    email: z.string(),
    roles: z.array(z.string()),
    invited_by: z.uuid().nullable().meta({ description: 'The inviter’s user id; null for the operator.' }),
    created_at: time,
    expires_at: time,
  })
  .meta({
    id: 'Invitation',
    example: {
      id: '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31',
      email: 'ada@example.com',
      roles: ['editor'],
      invited_by: '01a2039e-0d1f-7a9b-8c3e-5f2b7d9a1c64',
      created_at: '2026-11-22T14:18:48.360Z',
      expires_at: '2026-11-29T14:18:48.360Z',
    },
  });

export function invitationJson(invitation: Invitation): z.infer<typeof invitationSchema> {
  return {
    id: invitation.id,
    email: invitation.email,
    roles: invitation.roles,
    invited_by: invitation.invitedBy,
    created_at: invitation.createdAt.toISOString(),
    expires_at: invitation.expiresAt.toISOString(),
  };
}
