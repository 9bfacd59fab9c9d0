import type { CommandDeps } from '../deps.js';
import { type Args, argument, type Command, CommandError, needYes, type Result, yes } from '../platform/cli/command.js';
import { table, time } from '../platform/cli/text.js';
import { type KeyFacts, listKeys, signsFrom, unopenedKeys } from './list.js';
import { resealKeys, revokeKey, rotateKeys } from './rotation.js';
import { wrongSecret } from './signing-keys.js';

export const keyCommands: Command<CommandDeps>[] = [
  { name: 'keys list', arguments: [], summary: 'signing keys and their states', run: list },
  { name: 'keys rotate', arguments: [], summary: 'let the next keys sign; existing tokens stay valid', run: rotate },
  {
    name: 'keys revoke',
    arguments: ['<kid>'],
    options: { yes },
    summary: 'delete a key; everything that it signed is refused at once',
    run: revoke,
  },
  {
    name: 'keys reseal',
    arguments: [],
    summary: 'seal all keys under AUTH_SECRET, so that AUTH_SECRET_PREVIOUS can be removed',
    run: reseal,
  },
];

async function list(deps: CommandDeps): Promise<Result> {
  const keys = await listKeys(deps);
  const rows = keys.map((key) => [
    key.kid,
    key.purpose,
    key.algorithm,
    key.state,
    time(key.createdAt),
    time(key.activeAt),
    time(key.retiredAt),
  ]);
  const headings = ['KID', 'PURPOSE', 'ALGORITHM', 'STATE', 'CREATED', 'ACTIVE SINCE', 'RETIRED'];
  return { json: { data: keys.map(facts) }, text: table(headings, rows, noKeys) };
}

async function rotate(deps: CommandDeps): Promise<Result> {
  await checkSecret(deps);
  const rotated = await rotateKeys(deps, {});
  const access = (await listKeys(deps)).filter(({ purpose }) => purpose === 'access');
  const active = access.find(({ state }) => state === 'active');
  // The key that was published first is the next to sign.
  const next = access.findLast(({ state }) => state === 'next');
  if (!active || !next) throw new CommandError(noKeys);
  const from = signsFrom(next);
  return {
    json: { rotated, active: active.kid, next: next.kid, next_ready_at: from.toISOString() },
    text: rotated
      ? `The key ${active.kid} signs now; the next one is ${next.kid}.`
      : `Not yet: the next key ${next.kid} has been published since ${time(next.createdAt)}, and clients may still cache the older set. It can sign from ${time(from)} on.`,
    exitCode: rotated ? 0 : 1,
  };
}

const consequences: Record<string, string> = {
  access: 'Access tokens that it signed are refused from now on; clients refresh and continue.',
  refresh: 'Users of sessions that began with it must log in again.',
  device: 'Devices are unknown until they log in again.',
};

async function revoke(deps: CommandDeps, args: Args): Promise<Result> {
  const kid = argument(args, 0);
  const key = (await listKeys(deps)).find((one) => one.kid === kid);
  if (!key) throw new CommandError(`There is no signing key ${JSON.stringify(kid)}. See: keys list`);
  needYes(args, `This refuses everything that the ${key.purpose} key ${kid} signed.`);
  await checkSecret(deps);
  await revokeKey(deps, kid, {});
  const text = `The ${key.purpose} key ${kid} is revoked. ${consequences[key.purpose] ?? ''}`;
  return { json: { kid, purpose: key.purpose, revoked: true }, text };
}

async function reseal(deps: CommandDeps): Promise<Result> {
  const count = await resealKeys(deps);
  return {
    json: { resealed: count },
    text: `${count} keys are sealed under AUTH_SECRET. Once every instance has it, AUTH_SECRET_PREVIOUS can go.`,
  };
}

// A new key sealed under a secret that the servers do not have would stop each of their starts.
async function checkSecret(deps: CommandDeps): Promise<void> {
  const [keys, unopened] = [await listKeys(deps), await unopenedKeys(deps)];
  if (keys.length > 0 && unopened.length === keys.length) throw wrongSecret();
}

const noKeys = 'There are no signing keys yet: the server makes them when it first starts.';

function facts({ kid, purpose, algorithm, state, createdAt, activeAt, retiredAt }: KeyFacts) {
  return {
    kid,
    purpose,
    algorithm,
    state,
    created_at: createdAt.toISOString(),
    active_at: activeAt?.toISOString() ?? null,
    retired_at: retiredAt?.toISOString() ?? null,
  };
}
