import { v7 as uuidv7 } from 'uuid';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { notice } from '../platform/mail/notice.js';
import type { MailContent } from '../platform/mail/render.js';
import type { OutboxItem } from '../platform/outbox/queue.js';
import { canonical } from '../users/users.js';
import { keepToken, newToken, type TokenPurpose } from './one-time-tokens.js';

type MailDeps = { db: Db };

/**
 * Composes a mail at sending time.
 * @returns undefined if there is nothing to send, for example for an unknown address
 */
export type ComposeMail = (deps: MailDeps, item: OutboxItem) => Promise<MailContent | undefined>;

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

export const verify: ComposeMail = async (deps, { userId, recipient }) =>
  userId === null ? undefined : verification(deps, userId, recipient);

export const resend: ComposeMail = async (deps, { recipient }) => {
  const key = canonical(recipient);
  const [waiting] = await deps.db.$queryRaw<{ id: string; address: string }[]>`
    SELECT id, coalesce(pending_email, email) AS address FROM "user"
    WHERE disabled_at IS NULL
      AND (pending_email_key = ${key} OR (email_key = ${key} AND email_verified_at IS NULL AND pending_email IS NULL))
    ORDER BY id DESC LIMIT 1`;
  return waiting && verification(deps, waiting.id, waiting.address);
};

export const emailChangeAsked = notice(
  'A change of your e-mail address was asked for',
  'someone who knows your password asked to use another e-mail address for your account. Nothing changes until the link in the mail to that address is opened.',
  'set a new password',
);

export const emailChanged = notice(
  'Your e-mail address was changed',
  'your account has another e-mail address from now on; this one is no longer used.',
  'tell the operator',
);

async function verification(deps: MailDeps, userId: string, address: string): Promise<MailContent | undefined> {
  const key = canonical(address);
  // A user who wants another user's address learns nothing; the mail goes to the user who has it.
  if (await isTaken(deps, userId, key)) return alreadyRegistered(address);
  // The pending address is the user's latest wish, so it comes before the current one.
  const found = await tokenFor(
    deps,
    'verify',
    Prisma.sql`
    SELECT *, ${key} AS to_key FROM "user" WHERE id = ${userId}::uuid AND disabled_at IS NULL
      AND (pending_email_key = ${key}
        OR (email_key = ${key} AND email_verified_at IS NULL AND pending_email IS NULL))`,
  );
  return (
    found && {
      to: address,
      username: found.username,
      subject: 'Confirm your e-mail address',
      paragraphs: [
        'please confirm that this is your address: open the link and press the button. The link works for 24 hours.',
        { label: 'Confirm the address', path: `/verify-email?token=${found.token}` },
        'If this was not you, do nothing: without the link the address is not used.',
      ],
    }
  );
}

function alreadyRegistered(address: string): MailContent {
  return {
    to: address,
    subject: 'You already have an account here',
    paragraphs: [
      'someone, perhaps you, wants to use this address, but you already have an account with it. Log in there; if you have forgotten the password, ask for a new one.',
      'If this was not you, do nothing: nothing has changed.',
    ],
  };
}

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
