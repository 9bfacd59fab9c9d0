import { notice } from '../platform/mail/notice.js';

export const newDevice = notice(
  'A sign-in from a new device',
  'Someone signed in to your account from a device that we have not seen before.',
  'set a new password',
);
