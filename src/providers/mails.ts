import { notice } from '../platform/mail/notice.js';

const advice = 'get it back';

export const identityLinked = notice(
  'You can sign in by a provider now',
  'An account at another service was linked to yours: anyone who can sign in there can sign in here as you.',
  advice,
);

export const identityUnlinked = notice(
  'A provider was unlinked',
  'An account at another service was unlinked from yours: it opens yours no more, and the sessions that it began have ended.',
  advice,
);
