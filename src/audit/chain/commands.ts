import type { KeyObject } from 'node:crypto';
import type { CommandDeps } from '../../deps.js';
import { type Args, type Command, needYes, type Result, UsageError, yes } from '../../platform/cli/command.js';
import { beginChainAnew } from './begin.js';
import type { ChainEnd } from './macs.js';
import { type AuditProblem, type AuditProblemKind, verifyAudit } from './verify.js';

export const auditCommands: Command<CommandDeps>[] = [
  {
    name: 'audit verify',
    arguments: [],
    options: {
      head: { type: 'string', value: '<position>:<mac>', summary: 'a head from the log, kept outside of the database' },
    },
    summary: 'find audit events changed, removed, added or cut off since they were sealed',
    run: verify,
  },
  {
    name: 'audit begin',
    arguments: [],
    options: { yes },
    summary: 'begin the chain anew over the events as they are, if its state or key was lost',
    run: begin,
  },
];

async function verify(deps: CommandDeps, args: Args): Promise<Result> {
  const kept = headOf(args);
  const { events, anchor, head, problems } = await verifyAudit({ db: deps.db, auditKey: await auditKeyOf(deps) }, kept);
  const headText = `${head.position}:${head.mac}`;
  const text =
    problems.length === 0 ? `The chain holds: ${events} events.\nHead: ${headText}` : problems.map(line).join('\n');
  return {
    json: { holds: problems.length === 0, events, purged_up_to: anchor.position, head: headText, problems },
    text,
    exitCode: problems.length === 0 ? 0 : 1,
  };
}

async function begin(deps: CommandDeps, args: Args): Promise<Result> {
  needYes(args, 'What was changed in the audit before can no longer be found afterwards.');
  const events = await beginChainAnew({ db: deps.db, auditKey: await auditKeyOf(deps) });
  deps.log.warn({ events }, 'the audit chain was begun anew by an operator');
  return {
    json: { events },
    text: `The chain begins anew; ${events} events will be sealed again within about a minute.`,
  };
}

function headOf(args: Args): ChainEnd | undefined {
  const given = args.text('head');
  if (given === undefined) return undefined;
  const [, position, mac] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(given) ?? [];
  if (position === undefined || mac === undefined)
    throw new UsageError('--head takes what the log calls head: a position, a colon and 64 hexadecimal digits.');
  return { position: Number(position), mac };
}

const words: Record<AuditProblemKind, string> = {
  changed: 'was changed',
  missing: 'is missing',
  unproven: 'cannot be proven, because the one before it is missing',
  added: 'was added and never sealed',
  erased: 'lost its address and user agent too early',
  cut_off: 'existed when this head was logged, and was cut off',
  other_head: 'is not the one of this head: the chain was rebuilt',
  head_purged: 'was purged by AUDIT_RETENTION, so this head proves nothing: use a later one',
  state_changed: 'is the recorded end of the chain, but no server wrote it',
};

function line({ kind, position, to, id }: AuditProblem): string {
  const range =
    to !== undefined && to > position ? `s ${position} to ${to}: each` : ` ${position}${id ? ` (${id})` : ''}`;
  return `Event${range} ${words[kind]}.`;
}

export async function auditKeyOf(deps: CommandDeps): Promise<() => KeyObject> {
  const keys = await deps.loadKeys();
  return () => keys.active('audit').privateKey;
}
