import type { Db } from '../platform/db/database.js';
import type { ForeignMethods } from './methods.js';

type Row = Pick<ForeignMethods, 'passkeys' | 'identities'>;

/** Why rows cannot be taken: a method of theirs is in the database, or in a row before. */
export async function rowsWithTakenMethods<R extends Row>(db: Db, rows: R[]): Promise<Map<R, string>> {
  const passkeys = await takenPasskeys(db, rows);
  const identities = await takenIdentities(db, rows);
  const barred = new Map<R, string>();
  for (const row of rows) {
    if (claims(row.passkeys.map(passkeyKey), passkeys)) barred.set(row, 'passkeys: One of them is registered already.');
    if (claims(row.identities.map(identityKey), identities))
      barred.set(row, 'identities: One of them is linked already.');
  }
  return barred;
}

/** Takes them. @returns whether one was taken before, or comes twice */
function claims(own: string[], taken: Set<string>): boolean {
  const isTaken = new Set(own).size < own.length || own.some((key) => taken.has(key));
  for (const key of own) taken.add(key);
  return isTaken;
}

const passkeyKey = ({ credential_id }: Row['passkeys'][number]) => credential_id;

async function takenPasskeys(db: Db, rows: Row[]): Promise<Set<string>> {
  const given = rows.flatMap(({ passkeys }) => passkeys.map(passkeyKey));
  if (given.length === 0) return new Set();
  const ids = given.map((id) => new Uint8Array(Buffer.from(id, 'base64url')));
  const found = await db.passkey.findMany({ where: { credentialId: { in: ids } }, select: { credentialId: true } });
  return new Set(found.map(({ credentialId }) => Buffer.from(credentialId).toString('base64url')));
}

// An issuer has no space.
const identityKey = ({ issuer, subject }: { issuer: string; subject: string }) => `${issuer} ${subject}`;

async function takenIdentities(db: Db, rows: Row[]): Promise<Set<string>> {
  const given = rows.flatMap(({ identities }) => identities);
  if (given.length === 0) return new Set();
  const found = await db.$queryRaw<{ issuer: string; subject: string }[]>`
    SELECT issuer, subject FROM identity JOIN
      json_to_recordset(${JSON.stringify(given)}::json) AS given(issuer text, subject text) USING (issuer, subject)`;
  return new Set(found.map(identityKey));
}
