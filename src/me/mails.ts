import { notice } from '../platform/mail/notice.js';

export const usernameChanged = notice(
  'Your username was changed',
  'Your account has another username from now on. Log in with that one, or with this e-mail address.',
  'set a new password',
);
