import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { simulatedPassword } from '../support/crowd.js';
import { expectSoundLog } from '../support/fault-log.js';
import { freePort } from '../support/free-port.js';
import { newName, runServer, startInstance } from '../support/instance.js';
import { eventually } from '../support/mails.js';
import { type PostgresCluster, startPostgresCluster } from '../support/postgres-cluster.js';
import { expectDocumented, recordRequest, type Seen } from '../support/witness.js';

let cluster: PostgresCluster;
let port: number;
let url: string;

beforeEach(async () => {
  cluster = await startPostgresCluster();
  onTestFinished(cluster.remove);
  await (await startInstance(cluster.url)).stop();
  port = await freePort();
  url = `http://127.0.0.1:${port}`;
});

const answersTo = async (line: string, status: number) =>
  await eventually(async () => (await recordRequest(url, line)).status === status);

async function askForEverything(): Promise<Seen[]> {
  const signUp = { username: newName(), password: simulatedPassword };
  return [
    await recordRequest(url, 'GET /healthz'),
    await recordRequest(url, 'GET /readyz'),
    await recordRequest(url, 'GET /.well-known/jwks.json'),
    await recordRequest(url, 'POST /auth/signup', { body: signUp }),
  ];
}

describe('A server whose database is unavailable when it starts', { timeout: 60_000 }, () => {
  it.each([
    ['stopped', () => cluster.crash(), () => cluster.restart()],
    ['hung', () => cluster.freeze(), () => cluster.thaw()],
  ])('answers 503, and works within 2 s after the database is back: %s', async (how, away, back) => {
    await away();
    const starting = startInstance(cluster.url, { PORT: String(port) });
    await answersTo('GET /healthz', 200);
    const answers = await askForEverything();
    expect(answers.map(({ status }) => status)).toEqual([200, 503, 503, 503]);
    expectDocumented(answers);

    await back();
    const backAt = performance.now();
    await answersTo('GET /readyz', 200);
    const tookMs = performance.now() - backAt;
    expect(tookMs).toBeLessThan(2_000);
    expect((await askForEverything()).map(({ status }) => status)).toEqual([200, 200, 200, 201]);
    const instance = await starting;
    await instance.stop();
    expectSoundLog(instance.logs);
    console.info(`  away at start, ${how}: ready ${Math.round(tookMs)} ms after the database’s return`);
  });

  it('can be stopped while it waits', async () => {
    await cluster.crash();
    const { child, cwd } = await runServer(cluster.url, { PORT: String(port) });
    onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
    await answersTo('GET /readyz', 503);
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });

  it('does not wait if only its operator can solve the problem', async () => {
    const gone = `${cluster.url}_gone`;
    const { child, logs, cwd } = await runServer(gone, { PORT: String(port) });
    onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
    expect(await once(child, 'exit')).toEqual([1, null]);
    await sleep(50);
    expect(logs).toEqual([expect.stringMatching(/^DATABASE_URL: the database cannot be used: /)]);
  });
});
