import type { Db } from '../platform/db/database.js';
import { jwksMaxAge } from './rotation.js';
import type { SecretBox } from './secret-box.js';
import { labelOf } from './signing-keys.js';

/** What may be told of a signing key. */
export type KeyFacts = {
  kid: string;
  purpose: string;
  algorithm: string;
  state: 'next' | 'active' | 'retired';
  createdAt: Date;
  activeAt: Date | null;
  retiredAt: Date | null;
};

/** Every signing key in the database, whether or not it can be opened: by purpose, the newest first. */
export async function listKeys({ db }: { db: Db }): Promise<KeyFacts[]> {
  const rows = await db.signingKey.findMany({
    omit: { sealed: true },
    orderBy: [{ purpose: 'asc' }, { createdAt: 'desc' }],
  });
  return rows.map(({ id, ...row }) => ({
    kid: id,
    ...row,
    state: row.retiredAt ? 'retired' : row.activeAt ? 'active' : 'next',
  }));
}

/** From when on the key may sign: it is published for as long as a JWKS may be cached; a symmetric one never is. */
export function signsFrom({ algorithm, createdAt }: KeyFacts): Date {
  return algorithm === 'HS256' ? createdAt : new Date(createdAt.getTime() + jwksMaxAge * 1000);
}

/** The ids of the signing keys that the box does not open. */
export async function unopenedKeys({ db, box }: { db: Db; box: SecretBox }): Promise<string[]> {
  const rows = await db.signingKey.findMany();
  return rows.filter((row) => !box.open(row.sealed, labelOf(row))).map(({ id }) => id);
}
