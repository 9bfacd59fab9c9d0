import type { JsonWebKey } from 'node:crypto';
import type { Logger } from 'pino';
import { StartError } from '../errors.js';
import type { SigningKey as KeyRow } from '../generated/prisma/client.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { type KeyMaterial, readKeyMaterial, type StoredAlgorithm } from './material.js';
import type { SecretBox } from './secret-box.js';

/** The longest life of an access token that a setting can give, in seconds; we reject longer ones. */
export const longestAccessTtl = 86_400;

/** What a key is for. A key of one purpose is useless for another (RFC 8725 §3.12). */
export type KeyPurpose = 'access' | 'refresh' | 'device' | 'audit' | 'challenge' | 'data';

/** A key with its only algorithm (RFC 8725bis §3.1). */
export type SigningKey = KeyMaterial & {
  kid: string;
  purpose: KeyPurpose;
  algorithm: StoredAlgorithm;
  createdAt: Date;
  activeAt: Date | null;
  retiredAt: Date | null;
};

export type SigningKeys = {
  active(purpose: KeyPurpose): SigningKey;
  find(purpose: KeyPurpose, kid: string): SigningKey | undefined;
  /**
   * {@link find}; for an unknown key it first reads the database, at most once a second.
   * @throws the error of the last read if that failed: then nobody knows whether there is such a key
   */
  lookUp(purpose: KeyPurpose, kid: string): Promise<SigningKey | undefined>;
  /** The public keys as a JWK Set (RFC 7517 §5): next, active and retired. */
  jwks(): { keys: JsonWebKey[] };
  /** Reads the database again. A key that no known secret opens is logged and left out. */
  reload(): Promise<void>;
};

const lookUpEvery = 1_000;

/** Loads the keys that {@link ensureKeys} made. @throws StartError if `AUTH_SECRET` does not open them */
export async function loadSigningKeys(db: Db, box: SecretBox, log: Logger): Promise<SigningKeys> {
  let keys = new Map<string, SigningKey>();
  let publicKeys: JsonWebKey[] = [];
  let lookedUpAt = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | undefined;
  let failure: { error: unknown } | undefined;
  let readsBegun = 0;
  let readTaken = 0;

  function take(rows: KeyRow[], unopened: (row: KeyRow) => void): void {
    const taken = new Map<string, SigningKey>();
    for (const row of rows) {
      // A known key keeps its material; only its times can change.
      const material = keys.get(row.id) ?? openKey(box, row);
      if (material) taken.set(row.id, { ...material, ...describe(row) });
      else unopened(row);
    }
    keys = taken;
    publicKeys = [...keys.values()].flatMap(({ purpose, publicJwk }) =>
      purpose === 'access' && publicJwk ? [publicJwk] : [],
    );
  }

  // Of two reads at once, the one that began first may end last: it would restore a key revoked in between.
  async function reload(): Promise<void> {
    const read = ++readsBegun;
    const rows = await readRows(db);
    if (read < readTaken) return;
    readTaken = read;
    failure = undefined;
    take(rows, (row) => log.error({ kid: row.id }, 'AUTH_SECRET does not open a signing key'));
  }

  async function lookAgain(): Promise<void> {
    try {
      await reload();
    } catch (error) {
      failure = { error };
    }
  }

  take(await readRows(db), () => {
    throw wrongSecret();
  });

  const find = (purpose: KeyPurpose, kid: string) => {
    const key = keys.get(kid);
    return key?.purpose === purpose ? key : undefined;
  };
  return {
    active(purpose) {
      for (const key of keys.values()) if (key.purpose === purpose && key.activeAt && !key.retiredAt) return key;
      throw new Error(`There is no active ${purpose} key`);
    },
    find,
    async lookUp(purpose, kid) {
      const known = find(purpose, kid);
      if (known) return known;
      if (loading || performance.now() - lookedUpAt > lookUpEvery) {
        loading ??= lookAgain().finally(() => {
          lookedUpAt = performance.now();
          loading = undefined;
        });
        await loading;
      }
      const found = find(purpose, kid);
      if (!found && failure) throw failure.error;
      return found;
    },
    jwks: () => ({ keys: publicKeys }),
    reload,
  };
}

export function wrongSecret(): StartError {
  return new StartError(
    'AUTH_SECRET does not open the signing keys in this database. Set the secret that it was started with (the embedded set-up keeps it in .data/auth-secret).',
  );
}

async function readRows(db: Db | Transaction): Promise<KeyRow[]> {
  return db.signingKey.findMany({ orderBy: [{ activeAt: { sort: 'desc', nulls: 'last' } }, { id: 'asc' }] });
}

function openKey(box: SecretBox, row: KeyRow): KeyMaterial | undefined {
  const plain = box.open(row.sealed, labelOf(row));
  return plain && readKeyMaterial(row.algorithm as StoredAlgorithm, plain, row.id);
}

function describe({ id, purpose, algorithm, createdAt, activeAt, retiredAt }: KeyRow) {
  return {
    kid: id,
    purpose: purpose as KeyPurpose,
    algorithm: algorithm as StoredAlgorithm,
    createdAt,
    activeAt,
    retiredAt,
  };
}

/** Binds the sealed bytes to their row, so that editing the table cannot give a key another purpose. */
export function labelOf({ id, purpose, algorithm }: Pick<KeyRow, 'id' | 'purpose' | 'algorithm'>): string {
  return `signing key ${id} ${purpose} ${algorithm}`;
}
