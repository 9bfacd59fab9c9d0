import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config.js';
import type { CommandDeps } from '../../deps.js';
import { authSecret } from '../../keys/auth-secret.js';
import type { Command, Result } from '../../platform/cli/command.js';
import { type Finding, ok, problem, warning } from '../../platform/cli/finding.js';
import { table } from '../../platform/cli/text.js';
import { type Database, openDatabase } from '../../platform/db/database.js';
import { checkDatabase, unreachable } from './database-checks.js';
import { checkFileModes } from './file-modes.js';
import { checkRedis } from './redis-check.js';
import { checkSettings } from './settings-checks.js';

/** What another room checks: once, and in a database that is there and migrated. */
type FurtherChecks = {
  setUp?(config: Config): Promise<Finding[]>;
  database(config: Config, database: Database): Promise<Finding[]>;
};

/** Changes nothing: in its own process it opens the database without migrating it. */
export const doctor = (further: FurtherChecks[]): Command<CommandDeps> => ({
  name: 'doctor',
  arguments: [],
  summary: 'check the set-up and say what to fix; exit code 1 if there is a problem',
  run: ({ config, database }) => examine(config, further, () => checkOpen(config, database, further)),
  runAlone: (config) => examine(config, further, () => checkAlone(config, further)),
  onWrongSettings: (error) =>
    diagnosis(
      error.message.split('\n').map((line) => problem('settings', line, 'Correct it in the environment or .env.')),
    ),
});

async function examine(
  config: Config,
  further: FurtherChecks[],
  databaseChecks: () => Promise<Finding[]>,
): Promise<Result> {
  const found = await databaseChecks().catch((error) => [unreachable(error)]);
  return diagnosis([
    ...checkSettings(config),
    ...found,
    ...(await checkRedis(config.limits)),
    ...(await checkFileModes(config)),
    ...(await all(further.map(({ setUp }) => setUp?.(config) ?? []))),
  ]);
}

async function checkOpen(config: Config, database: Database, further: FurtherChecks[]): Promise<Finding[]> {
  const secrets = { current: await authSecret(config), previous: config.authSecretPrevious };
  const found = await checkDatabase(config, database, secrets);
  const isMigrated = found.some(({ check, status }) => check === 'migrations' && status === 'ok');
  return isMigrated ? [...found, ...(await all(further.map((room) => room.database(config, database))))] : found;
}

async function all(checks: (Finding[] | Promise<Finding[]>)[]): Promise<Finding[]> {
  return (await Promise.all(checks)).flat();
}

async function checkAlone(config: Config, further: FurtherChecks[]): Promise<Finding[]> {
  const { url } = config.database;
  if (url === 'pglite:memory')
    return [
      warning(
        'database',
        'kept in memory: gone with the server',
        'Set DATABASE_URL to pglite:<directory> or a server.',
      ),
    ];
  if (url.startsWith('pglite:') && !existsSync(join(url.slice('pglite:'.length), 'pgdata')))
    return [ok('database', 'not there yet: the server makes it when it first starts')];
  const database = await openDatabase(config.database);
  try {
    return await checkOpen(config, database, further);
  } finally {
    await database.close();
  }
}

function diagnosis(findings: Finding[]): Result {
  const status = (['problem', 'warning'] as const).find((bad) => findings.some((one) => one.status === bad)) ?? 'ok';
  const rows = findings.map(({ check, status, detail }) => [check, status, detail]);
  const toMend = findings.flatMap(({ check, mend }) => (mend === null ? [] : [`- ${check}: ${mend}`]));
  const text = [
    table(['CHECK', 'STATUS', 'FOUND'], rows, ''),
    ...(toMend.length > 0 ? ['', 'To fix:', ...toMend] : []),
  ];
  return { json: { status, checks: findings }, text: text.join('\n'), exitCode: status === 'problem' ? 1 : 0 };
}
