import { randomBytes } from 'node:crypto';
import { type Actor, auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import { type SigningKey as KeyRow, Prisma } from '../generated/prisma/client.js';
import { channel } from '../platform/db/channel.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { locks } from '../platform/db/locks.js';
import { ensureAuditKey, hasBegun } from './audit-key.js';
import { ensureDataKey, isReadByAll } from './data-key.js';
import { type KeyAlgorithm, newKeyMaterial } from './material.js';
import type { SecretBox } from './secret-box.js';
import { type KeyPurpose, labelOf, longestAccessTtl, type SigningKeys, wrongSecret } from './signing-keys.js';

/** How long clients may cache a JWKS, in seconds. A key is published at least as long before it signs. */
export const jwksMaxAge = 300;

// Seconds for clock differences between instances and for the duration of a request.
const margin = 600;

const staying: Record<string, string> = {
  audit: 'The key of the audit chain cannot be revoked: without it nothing that it sealed could be verified.',
  data: 'The data key cannot be revoked: without it no authenticator app could be checked and no webhook signed.',
};

type KeySettings = { algorithm: KeyAlgorithm; keyMaxAge: number; sessionMaxAge: number };
type RotationDeps = {
  db: Db;
  box: SecretBox;
  config: { tokens: KeySettings };
  keys?: Pick<SigningKeys, 'reload'>;
};

/**
 * Makes sure that each purpose has an active key and, if it rotates, a next one; instances agree. After a change of
 * `JWT_ALGORITHM` a new key signs at once.
 * @throws StartError if `AUTH_SECRET` does not open the existing keys
 */
export async function ensureKeys(deps: RotationDeps): Promise<void> {
  const { algorithm } = deps.config.tokens;
  const complete = (rows: KeyRow[]) =>
    activeRow(rows, 'access')?.algorithm === algorithm &&
    activeRow(rows, 'refresh') !== undefined &&
    activeRow(rows, 'device') !== undefined &&
    hasBegun(activeRow(rows, 'audit')) &&
    activeRow(rows, 'challenge') !== undefined &&
    isReadByAll(activeRow(rows, 'data')) &&
    nextRow(rows, 'access', algorithm) !== undefined &&
    nextRow(rows, 'refresh', 'HS256') !== undefined;
  if (complete(await deps.db.signingKey.findMany())) return;
  const made = await makeAccessKeys(algorithm, 2);
  await exclusively(deps.db, async (tx) => {
    const rows = await tx.signingKey.findMany();
    if (complete(rows)) return;
    // A key sealed under a wrong secret would stop every later start with the right one.
    if (rows.some((row) => !deps.box.open(row.sealed, labelOf(row)))) throw wrongSecret();
    if (activeRow(rows, 'access')?.algorithm !== algorithm) {
      await tx.signingKey.deleteMany({ where: { purpose: 'access', activeAt: null } });
      await retireActive(tx, 'access');
      await createKey(tx, deps.box, 'access', algorithm, true, made);
    }
    await ensureDataKey(tx, deps.box, activeRow(rows, 'data'));
    const auditKey = activeRow(rows, 'audit');
    if (!hasBegun(auditKey)) await ensureAuditKey(tx, deps.box, rows, auditKey);
    for (const purpose of ['refresh', 'device', 'challenge'] as const)
      if (!activeRow(rows, purpose)) await createKey(tx, deps.box, purpose, 'HS256', true);
    const left = await tx.signingKey.findMany();
    if (!nextRow(left, 'access', algorithm)) await createKey(tx, deps.box, 'access', algorithm, false, made);
    if (!nextRow(left, 'refresh', 'HS256')) await createKey(tx, deps.box, 'refresh', 'HS256', false);
    await tellAll(tx);
  });
}

/**
 * Activates the next keys, retires the active ones and creates new next keys. Every instance knows a refresh key before
 * its first use; a session stays with the key it began with.
 * @returns false if the next key has not been published as long as a JWKS may be cached
 */
export async function rotateKeys(deps: RotationDeps, actor: Actor): Promise<boolean> {
  const made = await makeAccessKeys(deps.config.tokens.algorithm, 1);
  const rotated = await exclusively(deps.db, (tx) => rotate(tx, deps, actor, made));
  await deps.keys?.reload();
  return rotated;
}

/** {@link rotateKeys} if the active access key is old enough, in one instance at a time; then removes dead keys. */
export async function rotateKeysByAge(deps: RotationDeps): Promise<void> {
  const { algorithm, keyMaxAge, sessionMaxAge } = deps.config.tokens;
  const findOld = (db: Db | Transaction) => db.$queryRaw<unknown[]>`
    SELECT FROM signing_key WHERE purpose = 'access' AND active_at < clock_timestamp() - make_interval(secs => ${keyMaxAge})
      AND retired_at IS NULL`;
  const made = (await findOld(deps.db)).length > 0 ? await makeAccessKeys(algorithm, 1) : [];
  await deps.db.$transaction(async (tx) => {
    const [held] = await tx.$queryRaw<{ held: boolean }[]>`SELECT pg_try_advisory_xact_lock(${locks.keys}) AS held`;
    if (!held?.held) return;
    if (made.length > 0 && (await findOld(tx)).length > 0) await rotate(tx, deps, {}, made);
    const dead = await tx.$executeRaw`
      DELETE FROM signing_key WHERE retired_at < clock_timestamp() - make_interval(secs =>
        CASE purpose WHEN 'access' THEN ${longestAccessTtl + margin}::float8 ELSE ${sessionMaxAge * 1.05 + margin}::float8 END)`;
    if (dead > 0) await tellAll(tx);
  });
  await deps.keys?.reload();
}

async function rotate(tx: Transaction, { box, config }: RotationDeps, actor: Actor, made: Buffer[]): Promise<boolean> {
  const nexts = await tx.$queryRaw<{ id: string; purpose: KeyPurpose; secret: boolean; published: boolean }[]>`
    SELECT DISTINCT ON (purpose) id, purpose, algorithm = 'HS256' AS secret,
      created_at <= clock_timestamp() - make_interval(secs => ${jwksMaxAge}) AS published
    FROM signing_key WHERE active_at IS NULL ORDER BY purpose, created_at`;
  const next = nexts.find(({ purpose, published, secret }) => purpose === 'access' && (published || secret));
  if (!next) return false;
  await replaceActive(tx, 'access', next.id);
  await createKey(tx, box, 'access', config.tokens.algorithm, false, made);
  const nextRefresh = nexts.find(({ purpose, published }) => purpose === 'refresh' && published);
  if (nextRefresh) {
    await replaceActive(tx, 'refresh', nextRefresh.id);
    await createKey(tx, box, 'refresh', 'HS256', false);
  }
  // An instance that does not know it yet reads it when it sees it.
  await retireActive(tx, 'challenge');
  await createKey(tx, box, 'challenge', 'HS256', true);
  await tx.$executeRaw(auditEvent('key.rotated', null, actor, { kid: next.id }));
  await tellAll(tx);
  return true;
}

async function replaceActive(tx: Transaction, purpose: KeyPurpose, id: string): Promise<void> {
  await retireActive(tx, purpose);
  await activate(tx, id);
}

/**
 * Deletes a key; what it signed is refused everywhere at once. Its successor signs from now on.
 * @returns false if there is none
 * @throws AppError invalid_request for the keys of the audit chain and of sealed data: nothing can take their place
 */
export async function revokeKey(deps: RotationDeps, kid: string, actor: Actor): Promise<boolean> {
  const made = await makeAccessKeys(deps.config.tokens.algorithm, 2);
  const existed = await exclusively(deps.db, async (tx) => {
    const row = await tx.signingKey.findUnique({ where: { id: kid } });
    if (!row) return false;
    const stays = staying[row.purpose];
    if (stays) throw new AppError('invalid_request', { detail: stays });
    await tx.signingKey.delete({ where: { id: kid } });
    await replaceRevoked(tx, deps, row, made);
    await tx.$executeRaw(auditEvent('key.revoked', null, actor, { kid }));
    await tellAll(tx);
    return true;
  });
  await deps.keys?.reload();
  return existed;
}

const hasNext = new Set<KeyPurpose>(['access', 'refresh']);

async function replaceRevoked(
  tx: Transaction,
  { box, config }: RotationDeps,
  revoked: KeyRow,
  made: Buffer[],
): Promise<void> {
  const purpose = revoked.purpose as KeyPurpose;
  const algorithm = purpose === 'access' ? config.tokens.algorithm : 'HS256';
  const rows = await tx.signingKey.findMany();
  const next = nextRow(rows, purpose, algorithm);
  if (!activeRow(rows, purpose)) {
    if (next) await activate(tx, next.id);
    else await createKey(tx, box, purpose, algorithm, true, made);
  }
  if (hasNext.has(purpose) && !nextRow(await tx.signingKey.findMany(), purpose, algorithm))
    await createKey(tx, box, purpose, algorithm, false, made);
}

/**
 * Seals every key again under the current `AUTH_SECRET`.
 * @returns how many
 * @throws Error if neither secret opens a key
 */
export async function resealKeys({ db, box }: Pick<RotationDeps, 'db' | 'box'>): Promise<number> {
  return exclusively(db, async (tx) => {
    const rows = await tx.signingKey.findMany();
    for (const row of rows) {
      const plain = box.open(row.sealed, labelOf(row));
      if (!plain) throw new Error(`Neither AUTH_SECRET nor AUTH_SECRET_PREVIOUS opens the signing key ${row.id}.`);
      const sealed = new Uint8Array(box.seal(plain, labelOf(row)));
      await tx.signingKey.update({ where: { id: row.id }, data: { sealed } });
    }
    return rows.length;
  });
}

async function exclusively<Result>(db: Db, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
  return db.$transaction(async (tx) => {
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(${locks.keys})`;
    return work(tx);
  });
}

// An RSA key can take seconds: make it before the transaction, which has a time limit.
async function makeAccessKeys(algorithm: KeyAlgorithm, count: number): Promise<Buffer[]> {
  return Promise.all(Array.from({ length: count }, () => newKeyMaterial(algorithm)));
}

async function createKey(
  tx: Transaction,
  box: SecretBox,
  purpose: KeyPurpose,
  algorithm: KeyAlgorithm,
  active: boolean,
  made: Buffer[] = [],
) {
  // Nine random bytes: unique enough, and twelve characters without padding in a refresh token.
  const id = randomBytes(9).toString('base64url');
  const plain = (purpose === 'access' ? made.pop() : undefined) ?? (await newKeyMaterial(algorithm));
  const sealed = new Uint8Array(box.seal(plain, labelOf({ id, purpose, algorithm })));
  await tx.signingKey.create({ data: { id, purpose, algorithm, sealed } });
  if (active) await activate(tx, id);
}

// The database's clock writes all times that are compared with each other.
async function activate(tx: Transaction, id: string): Promise<void> {
  await tx.$executeRaw`UPDATE signing_key SET active_at = clock_timestamp() WHERE id = ${id}`;
}

async function retireActive(tx: Transaction, purpose: KeyPurpose): Promise<void> {
  await tx.$executeRaw`
    UPDATE signing_key SET retired_at = clock_timestamp()
    WHERE purpose = ${purpose} AND active_at IS NOT NULL AND retired_at IS NULL`;
}

async function tellAll(tx: Transaction): Promise<void> {
  await tx.$queryRaw(Prisma.sql`SELECT pg_notify(${channel}, 'keys')::text`);
}

function activeRow(rows: KeyRow[], purpose: KeyPurpose): KeyRow | undefined {
  return rows.find((row) => row.purpose === purpose && row.activeAt && !row.retiredAt);
}

function nextRow(rows: KeyRow[], purpose: KeyPurpose, algorithm: KeyAlgorithm): KeyRow | undefined {
  return rows.find((row) => row.purpose === purpose && row.algorithm === algorithm && !row.activeAt);
}
