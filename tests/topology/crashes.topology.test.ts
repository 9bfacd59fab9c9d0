import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, newName, refresh, signUp, type Tokens, welcome } from '../support/instance.js';
import { startTopology, type Topology } from '../support/topology.js';

describe('Acknowledged sessions and logouts', { timeout: 60_000 }, () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await startTopology({ settings: { RATE_LIMIT: 'off' } });
  }, 60_000);
  afterAll(() => topology?.stop());

  type Acknowledged = { begun: Tokens[]; ended: Tokens[] };

  /** Signs up and logs out without a pause, and records what was acknowledged. */
  function keepGoing() {
    const acknowledged: Acknowledged = { begun: [], ended: [] };
    let stopping = false;
    const lane = async () => {
      while (!stopping) {
        await once(acknowledged).catch(() => sleep(5));
      }
    };
    const lanes = Promise.all([lane(), lane(), lane()]);
    return {
      /** Waits until there is something that could be lost. */
      wellUnderWay: () => expect.poll(() => acknowledged.ended.length, { timeout: 30_000 }).toBeGreaterThan(10),
      async stop() {
        stopping = true;
        await lanes;
        return acknowledged;
      },
    };
  }

  async function once({ begun, ended }: Acknowledged): Promise<void> {
    const stays = await signUp(topology, newName());
    begun.push(stays);
    const leaves = await signUp(topology, newName());
    const { status } = await ask(topology, 'POST /auth/logout', { bearer: leaves.access });
    if (status === 204) ended.push(leaves);
  }

  async function untilReady(): Promise<void> {
    for (const instance of topology.instances)
      for (let tries = 0; (await ask(instance, 'GET /readyz')).status !== 200; tries++) {
        if (tries > 200) throw new Error('It does not come back');
        await sleep(50);
      }
  }

  async function expectRemembered({ begun, ended }: Acknowledged): Promise<void> {
    process.stdout.write(`  ${begun.length} sessions begun and ${ended.length} ended before the crash\n`);
    for (const tokens of begun) {
      expect((await welcome(topology, tokens.access)).status).toBe(200);
      const { status, body } = await refresh(topology, tokens.refresh);
      expect([status, body.session_id]).toEqual([200, tokens.sessionId]);
    }
    for (const tokens of ended) {
      for (const instance of topology.instances)
        expect((await welcome(instance, tokens.access)).body.code).toBe('session_revoked');
      expect((await refresh(topology, tokens.refresh)).body.code).toBe('session_revoked');
    }
  }

  it('survive kill -9 of every instance', async () => {
    const people = keepGoing();
    await people.wellUnderWay();
    await Promise.all(topology.instances.map((instance) => instance.end('SIGKILL')));
    const acknowledged = await people.stop();
    await Promise.all(topology.instances.map((instance) => instance.start()));
    await expectRemembered(acknowledged);
  });

  it('survive kill -9 of the database', async () => {
    const people = keepGoing();
    await people.wellUnderWay();
    await topology.primary.end('SIGKILL');
    const acknowledged = await people.stop();
    await topology.primary.start();
    await untilReady();
    await expectRemembered(acknowledged);
  });
});
