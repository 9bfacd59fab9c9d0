import { notice } from '../platform/mail/notice.js';

const advice = 'get it back';

export const secondFactorOn = notice(
  'The second factor is on',
  'From now on, a sign-in to your account needs a second factor besides the first, such as a code of your authenticator app. Every other session has ended.',
  advice,
);

export const secondFactorOff = notice(
  'The second factor is off',
  'From now on, a sign-in to your account is not asked for a second factor. Every other session has ended.',
  advice,
);

export const secondFactorChanged = notice(
  'The second factor was changed',
  'Which second factors are taken for your account was changed, and every other session has ended.',
  advice,
);

export const secondFactorReset = notice(
  'Your second factors were removed',
  'All authenticator apps, passkeys and recovery codes of your account were removed by the people who run this service, and every session has ended. Add new ones after you have signed in.',
  'tell the operator',
);

export const totpAdded = notice(
  'An authenticator app was added',
  'An authenticator app was added to your account: its codes serve as the second factor.',
  advice,
);

export const totpRemoved = notice(
  'An authenticator app was removed',
  'An authenticator app was removed from your account, and every other session has ended.',
  advice,
);

export const recoveryCodesMade = notice(
  'You have new recovery codes',
  'New recovery codes were made for your account. The former ones are void, and every other session has ended.',
  advice,
);

export const passwordRemoved = notice(
  'Your password was removed',
  'The password of your account was removed: you sign in by passkey alone. Every other session has ended.',
  advice,
);
