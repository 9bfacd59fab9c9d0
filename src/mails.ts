import { userDeleted } from './admin/mails.js';
import { type ComposeMail, emailChangeAsked, emailChanged, resend, verify } from './email/mails.js';
import { newDevice } from './log-in/mails.js';
import { forgot, passwordChanged, passwordReset } from './passwords/mails.js';

/**
 * Every mail, by its purpose. The first three are looked up when they are sent: a mail with a token comes of it, another
 * mail, or none. The others are notices: they say that something has happened.
 */
export const mails: Record<string, ComposeMail> = {
  verify,
  resend,
  forgot,
  new_device: newDevice,
  password_changed: passwordChanged,
  password_reset: passwordReset,
  email_change_asked: emailChangeAsked,
  email_changed: emailChanged,
  user_deleted: userDeleted,
};

/** What an item of the outbox says as of now. @returns undefined where there is nothing to send */
export const composeMail: ComposeMail = async (deps, item) => {
  const compose = mails[item.purpose];
  if (!compose) throw new Error(`There is no mail for the purpose ${item.purpose}`);
  return compose(deps, item);
};
