import { notice } from '../platform/mail/notice.js';

const advice = 'get it back';

export const passkeyAdded = notice(
  'A passkey was added',
  'A passkey was added to your account: anyone who has it can sign in with it.',
  advice,
);

export const passkeyRemoved = notice(
  'A passkey was removed',
  'A passkey was removed from your account, and every other session has ended.',
  advice,
);

export const passkeySuspect = notice(
  'One of your passkeys may have been copied',
  'A sign-in by a passkey of yours was refused, because the passkey had been used elsewhere in between. If that was your own device, use another way in, remove this passkey, and make a new one.',
  advice,
);
