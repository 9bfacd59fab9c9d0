import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import { commitChange } from '../../src/sessions/end.js';
import { endApiKeysOf } from '../../src/sessions/end-api-keys.js';
import { insertApiKey } from '../support/api-keys.js';
import { ask, type Instance, type Operator, print, signUp, startPair } from '../support/instance.js';

// The limit of the contract, in milliseconds from the answer until every instance refuses the key.
const atTheLatest = 1_000;

const rounds = 200;
const atOnce = 10;

let operator: Operator;
let instances: Instance[] = [];
let stop: (() => Promise<void>) | undefined;

beforeAll(async () => {
  const { one, other, ...rest } = await startPair();
  instances = [one, other];
  ({ operator, stop } = rest);
}, 60_000);
afterAll(() => stop?.());

type Owner = { userId: string; key: string };

/** A new admin with a key. */
async function newOwner(): Promise<Owner> {
  const { userId } = await signUp(instances[0] as Instance);
  await changeUser(operator, userId, { roles: ['admin'] }, {}, 'all');
  const { key } = await insertApiKey({ deps: operator }, userId, ['todos:read', 'users:read']);
  return { userId, key };
}

const use = (at: Instance, { key }: Owner, row = 'GET /admin/users?limit=1') => ask(at, row, { bearer: key });

/** How long after now an instance still takes the key for that row. From then on it must stay refused. */
async function refusedAfter(at: Instance, owner: Owner, refusal: [number, string]): Promise<number> {
  const ended = performance.now();
  for (;;) {
    const { status, body } = await use(at, owner);
    const after = performance.now() - ended;
    if (status !== 200) {
      expect([status, body.code]).toEqual(refusal);
      expect((await use(at, owner)).status).toBe(status);
      return after;
    }
    expect(after).toBeLessThan(atTheLatest);
    await sleep(2);
  }
}

const endings: Record<string, { refusal: [number, string]; by(owner: Owner): Promise<unknown> }> = {
  'its revocation': {
    refusal: [401, 'api_key_revoked'],
    by: ({ userId }) => commitChange(operator, (tx) => endApiKeysOf(tx, userId, {})),
  },
  'the disabling of its owner': {
    refusal: [403, 'account_disabled'],
    by: ({ userId }) => changeUser(operator, userId, { disabled: true }, {}, 'all'),
  },
  'the deletion of its owner': {
    refusal: [401, 'api_key_revoked'],
    by: ({ userId }) => deleteUser(operator, userId, {}, 'all'),
  },
  'the loss of a role': {
    refusal: [403, 'forbidden'],
    by: ({ userId }) => changeUser(operator, userId, { roles: [] }, {}, 'all'),
  },
};

describe('A key that is used while it is raced by', () => {
  it.each(Object.entries(endings))(
    '%s is refused everywhere within a second, for good',
    { timeout: 300_000 },
    async (name, { refusal, by }) => {
      const delays: number[] = [];
      async function round(): Promise<void> {
        const owner = await newOwner();
        // Half of the rounds have it in memory before, the others look it up meanwhile.
        if (Math.random() < 0.5) for (const at of instances) expect((await use(at, owner)).status).toBe(200);
        const uses = instances.flatMap((at) =>
          Array.from({ length: 4 }, async (_, n) => {
            await sleep(n * 2);
            return use(at, owner);
          }),
        );
        await Promise.all([sleep(Math.random() * 6).then(() => by(owner)), ...uses]);
        delays.push(...(await Promise.all(instances.map((at) => refusedAfter(at, owner, refusal)))));
      }
      for (let done = 0; done < rounds; done += atOnce) await Promise.all(Array.from({ length: atOnce }, round));
      print(name, delays);
      expect(delays).toHaveLength(2 * rounds);
    },
  );

  it('the return of a role is good again, and so is the key of an owner who is enabled again', async () => {
    const owner = await newOwner();
    for (const at of instances) expect((await use(at, owner)).status).toBe(200);
    for (const [change, undone] of [
      [{ roles: [] }, { roles: ['admin'] }],
      [{ disabled: true }, { disabled: false }],
    ]) {
      await changeUser(operator, owner.userId, change ?? {}, {}, 'all');
      for (const at of instances) await expect.poll(async () => (await use(at, owner)).status).toBe(403);
      await changeUser(operator, owner.userId, undone ?? {}, {}, 'all');
      for (const at of instances) await expect.poll(async () => (await use(at, owner)).status).toBe(200);
    }
  });
});
