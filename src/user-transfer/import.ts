import { v7 as uuidv7 } from 'uuid';
import { Prisma } from '../generated/prisma/client.js';
import { type DataBox, dataBox } from '../keys/data-box.js';
import type { SigningKeys } from '../keys/signing-keys.js';
import { markImported } from '../passwords/foreign-hashes/formats.js';
import type { Passwords } from '../passwords/hasher.js';
import { areForFew, permissionsOf, type UserKind } from '../permissions/permissions.js';
import { CommandError } from '../platform/cli/command.js';
import type { Db } from '../platform/db/database.js';
import { sealTotpSecret } from '../second-factor/totp-secrets.js';
import { canonical } from '../users/users.js';
import type { ForeignMethods } from './methods.js';
import { rowsWithTakenMethods } from './taken-methods.js';

/** A user of another system or another Gatelatch, with the hash formats of docs/importing-users.md. */
export type ForeignUser = ForeignMethods & {
  username: string;
  kind: UserKind;
  email: string | null;
  emailVerified: boolean;
  /** Null: the user has no password. */
  passwordHash: string | null;
  roles: string[];
  disabled: boolean;
  createdAt: Date | null;
};

export type UserLine = { line: number } & ({ user: ForeignUser } | { reason: string });

/** Every line is imported, existing or refused. */
export type ImportCounts = { lines: number; imported: number; existing: number; refused: number };

export type ImportOptions = {
  /** Writes nothing, so conflicts between two lines stay unnoticed. */
  dryRun?: boolean;
  /** Webhooks hear of the new users. */
  events?: boolean;
  /** Whether lines may make administrators. */
  allowAdmins?: boolean;
  onRefused?(line: number, reason: string): void;
  onProgress?(counts: ImportCounts): void;
};

type NewRow = ForeignUser & {
  line: number;
  id: string;
  eventId: string;
  usernameKey: string;
  emailKey: string | null;
};

type ImportDeps = { db: Db; passwords: Passwords; loadKeys(): Promise<SigningKeys> };

/** One statement each: large enough for speed, small enough for its time limit and for memory. */
const BATCH_SIZE = 500;

/**
 * Creates users in batches, so that memory stays small. A bad line is reported and skipped. A user with the same
 * username, e-mail and either hash or creation date counts as `existing`, so the same lines can be imported again.
 * @throws what the database throws; earlier batches stay
 */
export async function importUsers(
  deps: ImportDeps,
  lines: AsyncIterable<UserLine>,
  options: ImportOptions = {},
): Promise<ImportCounts> {
  const objectionTo = ({ passwordHash, roles }: ForeignUser) => {
    if (areForFew(permissionsOf('person', roles)) && !options.allowAdmins)
      return 'It would have more rights than every user has. Take the role away, or add --allow-admins.';
    return passwordHash === null ? undefined : deps.passwords.objectionTo(passwordHash);
  };
  const counts: ImportCounts = { lines: 0, imported: 0, existing: 0, refused: 0 };
  const startId = uuidv7();
  let box: DataBox | undefined;
  const refuse = (line: number, reason: string) => {
    counts.refused += 1;
    options.onRefused?.(line, reason);
  };
  for await (const batch of batches(lines)) {
    const rows: NewRow[] = [];
    for (const line of batch) {
      const row = 'reason' in line ? line.reason : (objectionTo(line.user) ?? newRow(line.line, line.user));
      if (typeof row === 'string') refuse(line.line, row);
      else rows.push(row);
    }
    // Opened where it is needed: without it no AUTH_SECRET is.
    if (rows.some(({ totp }) => totp.length > 0)) box ??= await dataBoxOf(deps);
    await importBatch(deps, rows, {
      counts,
      refuse,
      startId,
      box,
      dryRun: options.dryRun ?? false,
      events: options.events ?? false,
    });
    counts.lines += batch.length;
    options.onProgress?.({ ...counts });
  }
  return counts;
}

/** @throws CommandError before the first start of a server */
async function dataBoxOf({ loadKeys }: ImportDeps): Promise<DataBox> {
  const keys = await loadKeys();
  try {
    keys.active('data');
  } catch {
    throw new CommandError('Start the server once before: it makes the key that seals TOTP secrets.');
  }
  return dataBox(keys);
}

async function* batches(lines: AsyncIterable<UserLine>): AsyncGenerator<UserLine[]> {
  let batch: UserLine[] = [];
  for await (const line of lines) {
    batch.push(line);
    if (batch.length < BATCH_SIZE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function newRow(line: number, user: ForeignUser): NewRow {
  return {
    ...user,
    passwordHash: user.passwordHash === null ? null : markImported(user.passwordHash),
    line,
    id: uuidv7(),
    eventId: uuidv7(),
    usernameKey: canonical(user.username),
    emailKey: user.email && canonical(user.email),
  };
}

type Run = {
  counts: ImportCounts;
  refuse(line: number, reason: string): void;
  dryRun: boolean;
  events: boolean;
  /** Seals TOTP secrets. */
  box: DataBox | undefined;
  /** Smaller than the id of every user created from now on. */
  startId: string;
};

async function importBatch({ db }: { db: Db }, rows: NewRow[], run: Run): Promise<void> {
  const { counts, refuse, dryRun, events, box } = run;
  const barred = await rowsWithTakenMethods(db, rows);
  const free = rows.filter((row) => !barred.has(row));
  const inserted = dryRun ? undefined : await insert(db, free, box, events);
  const left = rows.filter(({ id }) => !inserted?.has(id));
  const existingUsers = left.length > 0 ? await usersWithNamesOf(db, left) : [];
  for (const row of left) {
    const obstacle = obstacleTo(row, existingUsers, run);
    if (obstacle === 'existing') counts.existing += 1;
    else if (obstacle) refuse(row.line, obstacle);
    else if (barred.has(row)) refuse(row.line, barred.get(row) ?? '');
    else if (!dryRun) refuse(row.line, 'The username or the e-mail was taken until a moment ago. Import again.');
    else counts.imported += 1;
  }
  counts.imported += rows.length - left.length;
}

/** Inserts users whose username and e-mail are free, each with its audit event, in one statement. @returns their ids */
async function insert(db: Db, rows: NewRow[], box: DataBox | undefined, events: boolean): Promise<Set<string>> {
  // Without `sent`, an imported user is sent to no webhook.
  const detail = JSON.stringify({ imported: true, ...(events && { sent: true }) });
  // Not `auditEvent`: that makes one event per statement.
  const inserted = await db.$queryRaw<{ id: string }[]>`
    WITH line AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows.map(lineOf))}::json) AS line(
        id uuid, "eventId" uuid, kind text, username text, "usernameKey" text, email text, "emailKey" text,
        "emailVerified" boolean, "passwordHash" text, "secondFactor" text, roles text[], disabled boolean, "createdAt" timestamptz)
    ), inserted AS (
      INSERT INTO "user" (id, kind, username, username_key, email, email_key, email_verified_at, password_hash, second_factor, roles,
        disabled_at, created_at)
      SELECT id, kind, username, "usernameKey", email, "emailKey", CASE WHEN "emailVerified" THEN now() END, "passwordHash",
        "secondFactor", roles, CASE WHEN disabled THEN now() END, COALESCE("createdAt", now())
      FROM line
      ON CONFLICT DO NOTHING
      RETURNING id
    ), audited AS (
      INSERT INTO audit_event (id, action, user_id, detail)
      SELECT "eventId", 'user.created', id, ${detail}::jsonb FROM line JOIN inserted USING (id)
    ), ${methodsOf(rows, box)}
    SELECT id::text FROM inserted`;
  return new Set(inserted.map(({ id }) => id));
}

/** The line of a row, without what has a table of its own. */
function lineOf({ totp: _t, passkeys: _p, recoveryCodes: _r, identities: _i, ...line }: NewRow) {
  return line;
}

/** INSERTs of the methods of users who are `inserted`. */
function methodsOf(rows: NewRow[], box: DataBox | undefined): Prisma.Sql {
  const totps = rows.flatMap(({ id: userId, totp }) =>
    totp.map(({ name, secret }) => {
      const id = uuidv7();
      return { id, userId, name, secret: box && sealTotpSecret(box, id, secret).toString('hex') };
    }),
  );
  const hex = (text: string) => Buffer.from(text, 'base64url').toString('hex');
  const passkeys = rows.flatMap(({ id: userId, passkeys }) =>
    passkeys.map(({ credential_id, public_key, user_handle, ...rest }) => {
      const bytes = { credential: hex(credential_id), key: hex(public_key), handle: hex(user_handle) };
      return { id: uuidv7(), userId, ...bytes, ...rest };
    }),
  );
  const identities = rows.flatMap(({ id: userId, identities }) =>
    identities.map((identity) => ({ id: uuidv7(), userId, ...identity })),
  );
  const codes = rows.flatMap(({ id: userId, recoveryCodes }) => recoveryCodes.map((hash) => ({ userId, hash })));
  return Prisma.sql`totps AS (
      INSERT INTO totp (id, user_id, name, secret, confirmed_at)
      SELECT t.id, t."userId", t.name, decode(t.secret, 'hex'), now()
      FROM json_to_recordset(${JSON.stringify(totps)}::json) AS t(id uuid, "userId" uuid, name text, secret text)
      JOIN inserted ON inserted.id = t."userId"
    ), passkeys AS (
      INSERT INTO passkey (id, user_id, name, credential_id, public_key, counter, user_handle, rp_id, transports, synced)
      SELECT p.id, p."userId", p.name, decode(p.credential, 'hex'), decode(p.key, 'hex'), p.counter,
        decode(p.handle, 'hex'), p.rp_id, p.transports, p.synced
      FROM json_to_recordset(${JSON.stringify(passkeys)}::json) AS p(id uuid, "userId" uuid, name text, credential text,
        key text, counter bigint, handle text, rp_id text, transports text[], synced boolean)
      JOIN inserted ON inserted.id = p."userId"
    ), identities AS (
      INSERT INTO identity (id, user_id, provider, issuer, subject)
      SELECT i.id, i."userId", i.provider, i.issuer, i.subject
      FROM json_to_recordset(${JSON.stringify(identities)}::json) AS i(id uuid, "userId" uuid, provider text,
        issuer text, subject text)
      JOIN inserted ON inserted.id = i."userId"
    ), codes AS (
      INSERT INTO recovery_code (user_id, hash)
      SELECT c."userId", decode(c.hash, 'hex')
      FROM json_to_recordset(${JSON.stringify(codes)}::json) AS c("userId" uuid, hash text)
      JOIN inserted ON inserted.id = c."userId"
    )`;
}

type ExistingUser = Awaited<ReturnType<typeof usersWithNamesOf>>[number];

async function usersWithNamesOf(db: Db, rows: NewRow[]) {
  const emailKeys = rows.flatMap(({ emailKey }) => emailKey ?? []);
  return db.user.findMany({
    where: {
      OR: [{ usernameKey: { in: rows.map(({ usernameKey }) => usernameKey) } }, { emailKey: { in: emailKeys } }],
    },
    select: {
      id: true,
      kind: true,
      username: true,
      usernameKey: true,
      emailKey: true,
      passwordHash: true,
      createdAt: true,
    },
  });
}

function obstacleTo(row: NewRow, existingUsers: ExistingUser[], { startId }: Run): string | undefined {
  const ofName = existingUsers.find(({ usernameKey }) => usernameKey === row.usernameKey);
  if (ofName && ofName.id < startId && isSame(row, ofName)) return 'existing';
  if (ofName) return `The username ${JSON.stringify(row.username)} is taken.`;
  const isTaken = row.emailKey !== null && existingUsers.some(({ emailKey }) => emailKey === row.emailKey);
  return isTaken ? `The e-mail ${JSON.stringify(row.email)} is taken.` : undefined;
}

// The hash changes at the first login; two people hardly share a creation date.
function isSame(row: NewRow, existing: ExistingUser): boolean {
  const hasNames =
    row.kind === existing.kind && row.username === existing.username && row.emailKey === existing.emailKey;
  const isAsOld = row.createdAt?.getTime() === existing.createdAt.getTime();
  return hasNames && (row.passwordHash === existing.passwordHash || isAsOld);
}
