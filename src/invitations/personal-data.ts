import { inPages, personalData } from '../platform/personal-data.js';
import { invitationJson, invitationSchema } from './json.js';

/** The invitations that the user made, as they typed them. */
export const invitationsData = personalData({
  table: 'invitation',
  schema: invitationSchema,
  read: (db, { id: invitedBy }) =>
    inPages(
      ({ after, take }) =>
        db.invitation.findMany({
          where: { invitedBy, id: { gt: after } },
          orderBy: { id: 'asc' },
          omit: { hash: true },
          take,
        }),
      invitationJson,
    ),
});
