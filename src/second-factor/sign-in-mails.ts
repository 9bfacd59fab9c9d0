import { notice } from '../platform/mail/notice.js';

export const wrongCodes = notice(
  'Someone knows your password',
  'Someone gave the right password for your account, and then many wrong codes. They did not get in. If it was you, check that the clock of your phone is right.',
  'set a new password',
);

export const deviceTrusted = notice(
  'A device is trusted now',
  'From now on, a sign-in to your account on this device needs the password alone.',
  'get it back',
);

export const recoveryCodeUsed = notice(
  'A recovery code was used',
  'A recovery code took the place of your second factor. It is used up.',
  'get it back',
);

export const recoveryCodesFew = notice(
  'You have three recovery codes left',
  'Make new ones soon: that voids the former ones.',
  'get it back',
);
