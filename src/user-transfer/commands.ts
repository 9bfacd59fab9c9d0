import { createReadStream, createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CommandDeps } from '../deps.js';
import { dataBox } from '../keys/data-box.js';
import { type Args, argument, type Command, CommandError, type Result } from '../platform/cli/command.js';
import { printable } from '../platform/cli/text.js';
import { exportUsers } from './export.js';
import { readFirebaseParameters } from './firebase.js';
import { type ForeignUser, type ImportCounts, importUsers } from './import.js';
import { linesOf, readUserLines, userLine } from './lines.js';
import { type LineBox, lineBoxOf } from './sealed.js';

export const transferCommands: Command<CommandDeps>[] = [
  {
    name: 'users import',
    arguments: ['<file|->'],
    options: {
      'dry-run': { type: 'boolean', summary: 'only report what would be refused; write nothing' },
      events: { type: 'boolean', summary: 'send user.created to webhooks; else they hear nothing of it' },
      'allow-admins': { type: 'boolean', summary: 'also create users with more rights than all have' },
      usernames: {
        type: 'string',
        value: 'derive',
        summary: 'make a username of one that does not fit, such as an e-mail address or auth0|5f7c…',
      },
      firebase: {
        type: 'string',
        value: '<file>',
        summary: "the project's password hash parameters, as Firebase shows them",
      },
      open: { type: 'string', value: '<key file>', summary: 'the key file that the lines were sealed with' },
    },
    summary: 'create users from a file of JSON lines, with hashes and methods',
    run: importFile,
  },
  {
    name: 'users export',
    arguments: ['[file]'],
    options: {
      seal: {
        type: 'string',
        value: '<key file>',
        summary: 'also write TOTP secrets and recovery codes, sealed by a key of these 32 bytes',
      },
    },
    summary: 'write all users with hashes to standard output or a new file: keep it secret',
    run: exportFile,
  },
];

type Refusal = { line: number; reason: string };

/** The most refused lines in the result; standard error gets all of them if it is the operator's. */
const MAX_LISTED = 100;
const PROGRESS_STEP = 10_000;

async function importFile(deps: CommandDeps, args: Args): Promise<Result> {
  const path = reachable(deps, argument(args, 0));
  const firebase = args.text('firebase');
  const complete = firebase === undefined ? undefined : await readParameters(reachable(deps, firebase));
  const dryRun = args.flag('dry-run');
  const events = args.flag('events');
  const refusals: Refusal[] = [];
  const derived = { usernames: 0, without_email: 0 };
  const onDerived = (line: number, { username, email }: ForeignUser) => {
    derived.usernames += 1;
    if (email !== null) return;
    derived.without_email += 1;
    tell(deps, `line ${line}: must log in as ${username}`);
  };
  const reading = {
    complete,
    localDomains: deps.config.mail.localDomains,
    providers: deps.config.providers,
    onDerived: derivesUsernames(args) ? onDerived : undefined,
    box: await boxOf(deps, args, 'open'),
  };
  const input = path === '-' ? process.stdin : createReadStream(path);
  const counts = await importUsers(deps, readUserLines(linesOf(input), reading), {
    dryRun,
    events,
    allowAdmins: args.flag('allow-admins'),
    onProgress: progressOf(deps),
    onRefused(line, reason) {
      if (refusals.length < MAX_LISTED) refusals.push({ line, reason });
      tell(deps, `line ${line}: ${reason}`);
    },
  }).catch(unreadable);
  const unreported = isInServer(deps) ? listOf(refusals, counts) : [];
  return {
    json: { dry_run: dryRun, ...counts, derived, refusals },
    text: [
      ...unreported,
      ...wordsOn(derived),
      `${dryRun ? 'Nothing is written. The result would be: ' : ''}${summary(counts)}.`,
    ].join('\n'),
    exitCode: counts.refused > 0 ? 1 : 0,
  };
}

function listOf(refusals: Refusal[], { refused }: ImportCounts): string[] {
  const lines = refusals.map(({ line, reason }) => printable(`line ${line}: ${reason}`));
  return refused > lines.length ? [...lines, `… and ${refused - lines.length} more`] : lines;
}

/** @throws CommandError for another value */
function derivesUsernames(args: Args): boolean {
  const usernames = args.text('usernames');
  if (usernames !== undefined && usernames !== 'derive') throw new CommandError('--usernames can only be: derive');
  return usernames === 'derive';
}

function wordsOn({ usernames, without_email }: { usernames: number; without_email: number }): string[] {
  if (usernames === 0) return [];
  const others = `${without_email} have no e-mail: tell them their username, see users export`;
  return [`${usernames} usernames are derived: these users log in by e-mail${without_email > 0 ? `; ${others}` : ''}.`];
}

function summary({ lines, imported, existing, refused }: ImportCounts): string {
  return `${lines} lines read, ${imported} users imported, ${existing} already there, ${refused} lines refused`;
}

async function exportFile(deps: CommandDeps, args: Args): Promise<Result> {
  const path = reachable(deps, args.positionals[0] ?? '-');
  tell(
    deps,
    'The output holds the hashes of all passwords: an attacker can use them to guess passwords. Keep it secret.',
  );
  const box = await boxOf(deps, args, 'seal');
  const keys = box && dataBox(await deps.loadKeys());
  const without = box ? 0 : await usersWithTotp(deps);
  const warning =
    without === 0 ? undefined : `${without} users have authenticator apps, which are not in it: add --seal <key file>.`;
  if (warning) tell(deps, warning);
  // Never over an existing file, and readable for its owner alone.
  const output = path === '-' ? process.stdout : createWriteStream(path, { flags: 'wx', mode: 0o600 });
  let count = 0;
  async function* lines() {
    for await (const user of exportUsers(deps, keys)) {
      count += 1;
      yield userLine(user, box);
    }
  }
  await pipeline(Readable.from(lines()), output, { end: path !== '-' }).catch(unreadable);
  // Standard output must contain nothing else.
  if (path === '-') return { json: undefined, text: '' };
  return {
    json: { exported: count, file: path, secret: true, without_totp: without },
    text: [`${count} users are in ${path}. Keep it secret.`, ...(warning ? [warning] : [])].join('\n'),
  };
}

async function boxOf(deps: CommandDeps, args: Args, option: 'seal' | 'open'): Promise<LineBox | undefined> {
  const file = args.text(option);
  return file === undefined ? undefined : lineBoxOf(reachable(deps, file));
}

/** Those whose second factor is lost without --seal. */
async function usersWithTotp({ db }: CommandDeps): Promise<number> {
  return db.user.count({
    where: { pendingUntil: null, deletedAt: null, totps: { some: { confirmedAt: { not: null } } } },
  });
}

async function readParameters(path: string) {
  return readFirebaseParameters(await readFile(path, 'utf8').catch(unreadable));
}

function unreadable(error: NodeJS.ErrnoException): never {
  if (error.syscall === 'open' || error.syscall === 'read' || error.syscall === 'write')
    throw new CommandError(`The file cannot be used: ${error.message}`);
  throw error;
}

/** A running server executes the command: with other standard streams and another working directory. */
function isInServer({ keys }: CommandDeps): boolean {
  return keys !== undefined;
}

/** @throws CommandError for a relative path, which a running server would resolve differently */
function reachable(deps: CommandDeps, path: string): string {
  if (isInServer(deps) && !isAbsolute(path))
    throw new CommandError('The running server does this: give the absolute path of the file.');
  return path;
}

function tell(deps: CommandDeps, text: string): void {
  if (!isInServer(deps)) process.stderr.write(`${printable(text)}\n`);
}

function progressOf(deps: CommandDeps): (counts: ImportCounts) => void {
  let reported = 0;
  return (counts) => {
    if (counts.lines < reported + PROGRESS_STEP) return;
    reported = counts.lines;
    tell(deps, `${summary(counts)} …`);
  };
}
