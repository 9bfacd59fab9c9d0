import { v7 as uuidv7 } from 'uuid';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import type { AddressedMail } from '../platform/mail/deliver.js';
import { notice } from '../platform/mail/notice.js';
import type { MailContent } from '../platform/mail/render.js';
import type { OutboxItem } from '../platform/outbox/queue.js';
import { canonical } from '../users/users.js';
import { keepToken, newToken, type TokenPurpose } from './one-time-tokens.js';

type MailDeps = { db: Db };

/**
 * Addresses a mail at sending time.
 * @returns undefined if there is nothing to send, for example for an unknown address
 */
export type AddressMail = (deps: MailDeps, item: OutboxItem) => Promise<AddressedMail | undefined>;

/**
 * An INSERT of the verification mail for the pending, else the unverified address.
 * @param from gives the user as `u`
 */
export function enqueueVerification(from: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO outbox (id, purpose, user_id, recipient)
    SELECT ${uuidv7()}::uuid, 'verify', u.id, coalesce(u.pending_email, u.email) ${from}
    WHERE u.pending_email IS NOT NULL OR (u.email IS NOT NULL AND u.email_verified_at IS NULL)`;
}

export const verify: AddressMail = async (deps, { userId, recipient }) =>
  userId === null ? undefined : verification(deps, userId, recipient);

export const resend: AddressMail = async (deps, { recipient, detail: { username } }) => {
  const key = canonical(recipient);
  const wanted = username === undefined ? Prisma.empty : Prisma.sql`AND username_key = ${canonical(username)}`;
  const [waiting] = await deps.db.$queryRaw<{ id: string; address: string }[]>`
    SELECT id, coalesce(pending_email, email) AS address FROM "user"
    WHERE disabled_at IS NULL
      AND (pending_email_key = ${key} OR (email_key = ${key} AND email_verified_at IS NULL AND pending_email IS NULL))
      ${wanted}
    ORDER BY id LIMIT 1`;
  return waiting && verification(deps, waiting.id, waiting.address);
};

export const emailChangeAsked = notice(
  'A change of your e-mail address was asked for',
  'Someone who knows your password asked to use another e-mail address for your account. Nothing changes until the link in the mail to that address is opened.',
  'set a new password',
);

export const emailChanged = notice(
  'Your e-mail address was changed',
  'The link that we mailed to your new address was opened. Your account uses that address from now on, and this one no longer.',
  'tell the operator',
);

export const emailOfMethods = notice(
  'Your address belongs to an account with further sign-in methods',
  'You confirmed this address for this account. Besides a password it can be used by what was added before: a passkey, an authenticator app, a provider or an API key. If another person added it, that person can use the account also after a new password.',
  'get it back',
);

async function verification(deps: MailDeps, userId: string, address: string): Promise<AddressedMail> {
  const key = canonical(address);
  // A user who wants another user's address learns nothing; the mail goes to the user who has it. A token is made all
  // the same, which nobody gets: what the user can see or count of tokens and mails does not tell the two apart.
  const isOthers = await isTaken(deps, userId, key);
  return { to: address, userId, write: () => confirmation(deps, userId, key, isOthers) };
}

async function confirmation(
  deps: MailDeps,
  userId: string,
  key: string,
  isOthers: boolean,
): Promise<MailContent | undefined> {
  // The pending address is the user's latest wish, so it comes before the current one.
  const found = await tokenFor(
    deps,
    'verify',
    Prisma.sql`
    SELECT *, ${key} AS to_key FROM "user" WHERE id = ${userId}::uuid AND disabled_at IS NULL
      AND (pending_email_key = ${key}
        OR (email_key = ${key} AND email_verified_at IS NULL AND pending_email IS NULL))`,
  );
  if (found && isOthers) return alreadyRegistered;
  return (
    found && {
      username: found.username,
      subject: 'Confirm your e-mail address',
      paragraphs: [
        'Is this your address? Then please confirm it: open the link and press the button. The link works for 24 hours.',
        { label: 'Confirm the address', path: `/verify-email?token=${found.token}` },
        'If you did not ask for this, you need not do anything. Without the link, the address is not used.',
      ],
    }
  );
}

const alreadyRegistered: MailContent = {
  name: 'already_registered',
  subject: 'You already have an account here',
  paragraphs: [
    'Someone, perhaps you, wants to use this address. You already have an account with it, so please log in there. If you have forgotten the password, ask for a new one.',
    'If this was not you, you need not do anything. Nothing has changed.',
  ],
};

async function isTaken({ db }: MailDeps, userId: string, key: string): Promise<boolean> {
  // Only if this user really waits for the address: otherwise no mail is due.
  const rows = await db.$queryRaw<unknown[]>`
    SELECT FROM "user" owner, "user" waiting
    WHERE owner.email_key = ${key} AND owner.id <> waiting.id
      AND waiting.id = ${userId}::uuid AND waiting.pending_email_key = ${key}`;
  return rows.length > 0;
}

/** Makes a token for the user that the statement finds, and stores its hash. */
export async function tokenFor({ db }: MailDeps, purpose: TokenPurpose, user: Prisma.Sql) {
  const token = newToken();
  const [found] = await db.$queryRaw<{ username: string; email: string }[]>`
    WITH u AS (${user}), kept AS (${keepToken(purpose, token, Prisma.sql`FROM u`)} RETURNING user_id)
    SELECT u.username, u.email FROM u JOIN kept ON kept.user_id = u.id`;
  return found && { ...found, token: token.token };
}
