import { userDeleted } from './admin/mails.js';
import { apiKeyExpiring, apiKeyMade } from './api-keys/mails.js';
import { type AddressMail, emailChangeAsked, emailChanged, emailOfMethods, resend, verify } from './email/mails.js';
import { invitation } from './invitations/mails.js';
import { newDevice } from './log-in/mails.js';
import { usernameChanged } from './me/mails.js';
import { passkeyAdded, passkeyRemoved, passkeySuspect } from './passkeys/mails.js';
import { forgot, passwordChanged, passwordReset } from './passwords/mails.js';
import type { OwnMailTexts } from './platform/mail/own-texts.js';
import { identityLinked, identityUnlinked } from './providers/mails.js';

import {
  passwordRemoved,
  recoveryCodesMade,
  secondFactorChanged,
  secondFactorOff,
  secondFactorOn,
  secondFactorReset,
  totpAdded,
  totpRemoved,
} from './second-factor/method-mails.js';
import { deviceTrusted, recoveryCodesFew, recoveryCodeUsed, wrongCodes } from './second-factor/sign-in-mails.js';
import { webhookDisabled } from './webhooks/mails.js';

/** Every mail, by its purpose. The first four are addressed at sending time, and have a link; the others are notices. */
export const mails = {
  verify,
  resend,
  forgot,
  invitation,
  new_device: newDevice,
  password_changed: passwordChanged,
  password_reset: passwordReset,
  username_changed: usernameChanged,
  email_change_asked: emailChangeAsked,
  email_changed: emailChanged,
  email_of_methods: emailOfMethods,
  second_factor_on: secondFactorOn,
  second_factor_off: secondFactorOff,
  second_factor_changed: secondFactorChanged,
  second_factor_reset: secondFactorReset,
  totp_added: totpAdded,
  totp_removed: totpRemoved,
  passkey_added: passkeyAdded,
  passkey_removed: passkeyRemoved,
  passkey_suspect: passkeySuspect,
  identity_linked: identityLinked,
  identity_unlinked: identityUnlinked,
  recovery_codes_made: recoveryCodesMade,
  password_removed: passwordRemoved,
  device_trusted: deviceTrusted,
  recovery_code_used: recoveryCodeUsed,
  recovery_codes_few: recoveryCodesFew,
  wrong_codes: wrongCodes,
  api_key_made: apiKeyMade,
  api_key_expiring: apiKeyExpiring,
  user_deleted: userDeleted,
  webhook_disabled: webhookDisabled,
} satisfies Record<string, AddressMail>;

/** Those that are nothing without their link. */
export const mailsWithLink = ['verify', 'resend', 'forgot', 'invitation'] as const;

/** The second is sent in the place of `verify` and `resend`, to who has an account with the address. */
type MailName = keyof typeof mails | 'already_registered';

export type MailTexts = OwnMailTexts<MailName>;

export const addressMail: AddressMail = async (deps, item) => {
  const address = Object.hasOwn(mails, item.purpose) && mails[item.purpose as keyof typeof mails];
  if (!address) throw new Error(`There is no mail for the purpose ${item.purpose}`);
  return address(deps, item);
};
