import type { Identity, Passkey, RecoveryCode, Totp, User } from '../generated/prisma/client.js';
import type { DataBox } from '../keys/data-box.js';
import { withoutMark } from '../passwords/foreign-hashes/formats.js';
import type { Db } from '../platform/db/database.js';
import type { SecondFactor } from '../second-factor/methods.js';
import { openTotpSecret } from '../second-factor/totp-secrets.js';
import { kindOf } from '../users/users.js';
import type { ForeignUser } from './import.js';
import type { ForeignMethods } from './methods.js';

const PAGE_SIZE = 1000;

/**
 * Every user with the password's hash, page by page, so that memory stays small; no pending sign-ups.
 * @param box opens TOTP secrets; without it they and the recovery codes are left out
 */
export async function* exportUsers({ db }: { db: Db }, box?: DataBox): AsyncGenerator<ForeignUser> {
  let last: string | undefined;
  for (;;) {
    const page = await db.user.findMany({
      orderBy: { id: 'asc' },
      take: PAGE_SIZE,
      include: {
        passkeys: { orderBy: { id: 'asc' } },
        totps: { where: { confirmedAt: { not: null } }, orderBy: { id: 'asc' } },
        recoveryCodes: true,
        identities: { orderBy: { id: 'asc' } },
      },
      where: { pendingUntil: null, deletedAt: null, ...(last !== undefined && { id: { gt: last } }) },
    });
    for (const user of page) {
      const { username, email, emailVerifiedAt, passwordHash, roles, disabledAt, createdAt } = user;
      yield {
        ...methodsOf(user, box),
        username,
        kind: kindOf(user),
        email,
        emailVerified: emailVerifiedAt !== null,
        passwordHash: passwordHash === null ? null : withoutMark(passwordHash),
        roles,
        disabled: disabledAt !== null,
        createdAt,
      };
    }
    last = page.at(-1)?.id;
    if (page.length < PAGE_SIZE) return;
  }
}

type Kept = Pick<User, 'secondFactor'> & {
  passkeys: Passkey[];
  totps: Totp[];
  recoveryCodes: RecoveryCode[];
  identities: Identity[];
};

function methodsOf(
  { secondFactor, passkeys, totps, recoveryCodes, identities }: Kept,
  box: DataBox | undefined,
): ForeignMethods {
  return {
    secondFactor: secondFactor as SecondFactor,
    passkeys: passkeys.map((passkey) => ({
      credential_id: base64url(passkey.credentialId),
      public_key: base64url(passkey.publicKey),
      counter: Number(passkey.counter),
      user_handle: base64url(passkey.userHandle),
      rp_id: passkey.rpId,
      transports: passkey.transports,
      synced: passkey.synced,
      name: passkey.name,
    })),
    identities: identities.map(({ issuer, subject, provider }) => ({ issuer, subject, provider })),
    totp: box ? totps.map(({ id, name, secret }) => ({ name, secret: totpSecret(box, id, secret) })) : [],
    recoveryCodes: box ? recoveryCodes.map(({ hash }) => Buffer.from(hash).toString('hex')) : [],
  };
}

/** @throws Error if it is lost: a line without it would turn a second factor off */
function totpSecret(box: DataBox, id: string, sealed: Uint8Array): Uint8Array {
  const secret = openTotpSecret(box, id, sealed);
  if (!secret) throw new Error(`No data key opens the secret of the authenticator app ${id}: doctor counts them.`);
  return secret;
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
