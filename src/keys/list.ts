import type { Db } from '../platform/db/database.js';
import { jwksMaxAge } from './rotation.js';
import type { SecretBox } from './secret-box.js';
import { labelOf } from './signing-keys.js';

export type KeyFacts = {
  kid: string;
  purpose: string;
  algorithm: string;
  state: 'next' | 'active' | 'retired';
  createdAt: Date;
  activeAt: Date | null;
  retiredAt: Date | null;
};

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

/** When the key may start to sign: a public key must first be published as long as a JWKS may be cached. */
export function signsFrom({ algorithm, createdAt }: KeyFacts): Date {
  return algorithm === 'HS256' ? createdAt : new Date(createdAt.getTime() + jwksMaxAge * 1000);
}

/** The ids of the keys that the box cannot open. */
export async function unopenedKeys({ db, box }: { db: Db; box: SecretBox }): Promise<string[]> {
  const rows = await db.signingKey.findMany();
  return rows.filter((row) => !box.open(row.sealed, labelOf(row))).map(({ id }) => id);
}
