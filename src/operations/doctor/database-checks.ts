import type { Config } from '../../config.js';
import { unopenedKeys } from '../../keys/list.js';
import { createSecretBox } from '../../keys/secret-box.js';
import { oneLine } from '../../platform/cli/answer.js';
import { type Finding, ok, problem, warning } from '../../platform/cli/finding.js';
import type { Database } from '../../platform/db/database.js';
import { encodingOf, howToMakeOne } from '../../platform/db/encoding.js';
import { outboxVitals } from '../../platform/outbox/queue.js';
import { type DatabaseVitals, hearsNotifications, unfinishedMigrations, vitalsOf } from './database-health.js';

export type Secrets = { current: string; previous: string | undefined };

/** Checks the database and changes nothing, not even missing migrations. */
export async function checkDatabase(config: Config, database: Database, secrets: Secrets): Promise<Finding[]> {
  let vitals: DatabaseVitals;
  try {
    vitals = await vitalsOf(database);
  } catch (error) {
    return [unreachable(error)];
  }
  const migrated = await migrations(database);
  return [
    ...describe(vitals),
    await encoding(database),
    migrated,
    migrated.status === 'ok'
      ? await signingKeys(database, secrets)
      : warning('signing keys', 'not checked', migrated.mend ?? ''),
    await notifications(config, database),
    ...(migrated.status === 'ok' ? [await outbox(database)] : []),
  ];
}

async function encoding(database: Database): Promise<Finding> {
  const found = await encodingOf(database);
  return found === 'UTF8' ? ok('encoding', found) : problem('encoding', `${found}, not UTF8`, howToMakeOne);
}

async function outbox({ client }: Database): Promise<Finding> {
  const { waiting, failed, oldestWaitingSeconds } = await outboxVitals({ db: client });
  const state = `${waiting} mails waiting, ${failed} given up`;
  if (failed > 0)
    return warning('mail', state, 'The table outbox says why in last_error. Check SMTP_URL and MAIL_FROM.');
  return (oldestWaitingSeconds ?? 0) > longestWaitSeconds
    ? warning('mail', state, 'Check that an instance runs, and that the server in SMTP_URL accepts mail.')
    : ok('mail', state);
}

// Retries begin after seconds; a mail that waits longer than this has been refused several times.
const longestWaitSeconds = 600;

export function unreachable(error: unknown): Finding {
  return problem(
    'database',
    oneLine(error),
    'Check that it runs, and that DATABASE_URL names it and a user who may log in.',
  );
}

// A login is three queries, one after the other.
const slowMs = 25;
// The other instances refuse tokens of an instance whose clock is further ahead.
const clockToleranceMs = 60_000;

function describe({ version, latencyMs, clockAheadMs }: DatabaseVitals): Finding[] {
  const answers = `Postgres ${version} answers in ${latencyMs.toFixed(1)} ms`;
  const seconds = Math.abs(clockAheadMs / 1000).toFixed(1);
  const clock = `${seconds} s ${clockAheadMs < 0 ? 'behind' : 'ahead of'} this machine’s`;
  const mend = 'Set both clocks by NTP.';
  return [
    latencyMs > slowMs
      ? warning('database', answers, 'Bring the server and its database nearer to each other.')
      : ok('database', answers),
    Math.abs(clockAheadMs) > clockToleranceMs
      ? problem('database’s clock', clock, mend)
      : Math.abs(clockAheadMs) > 2_000
        ? warning('database’s clock', clock, mend)
        : ok('database’s clock', clock),
  ];
}

async function migrations(database: Database): Promise<Finding> {
  const { pending, failed } = await unfinishedMigrations(database);
  if (failed.length > 0)
    return problem(
      'migrations',
      `failed: ${failed.join(', ')}`,
      'Its row in _prisma_migrations says why: fix the cause, set rolled_back_at there, start the server.',
    );
  if (pending.length > 0)
    return warning('migrations', `pending: ${pending.join(', ')}`, 'Start the server, which applies them.');
  return ok('migrations', 'complete');
}

async function signingKeys({ client: db }: Database, { current, previous }: Secrets): Promise<Finding> {
  const unopened = await unopenedKeys({ db, box: createSecretBox([current]) });
  const check = 'signing keys';
  if (unopened.length === 0)
    return ok(
      check,
      `AUTH_SECRET opens all${previous ? ': AUTH_SECRET_PREVIOUS can go once every instance has it' : ''}`,
    );
  const lost = previous ? await unopenedKeys({ db, box: createSecretBox([current, previous]) }) : unopened;
  if (lost.length === 0)
    return warning(check, `only AUTH_SECRET_PREVIOUS opens ${unopened.join(', ')}`, 'Run: keys reseal');
  return problem(
    check,
    `no known secret opens ${lost.join(', ')}`,
    'Set AUTH_SECRET, or AUTH_SECRET_PREVIOUS, to the secret that they were sealed under; or revoke a single one.',
  );
}

async function notifications({ revocationFeed }: Config, database: Database): Promise<Finding> {
  const check = 'LISTEN/NOTIFY';
  if (revocationFeed === 'poll') return ok(check, 'not used: REVOCATION_FEED is poll');
  const heard = await hearsNotifications(database).catch(() => false);
  if (heard) return ok(check, 'a message came back');
  return problem(check, 'no message came back: perhaps a pooler in transaction mode', 'Set REVOCATION_FEED=poll.');
}
