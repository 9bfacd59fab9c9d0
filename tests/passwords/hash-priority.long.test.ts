import { readdirSync, readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { ask, startInstance } from '../support/instance.js';

type Thread = { id: number; niceness: number; ranMs: number };

function threadsOf(pid: number): Thread[] {
  const folder = `/proc/${pid}/task`;
  return readdirSync(folder).map((id) => {
    const stat = readFileSync(`${folder}/${id}/stat`, 'utf8');
    // See proc(5): the name in brackets may contain anything; niceness is the 17th word after it.
    const niceness = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
    const [nanoseconds] = readFileSync(`${folder}/${id}/schedstat`, 'utf8').split(' ');
    return { id: Number(id), niceness, ranMs: Number(nanoseconds) / 1e6 };
  });
}

it.runIf(process.platform === 'linux')(
  'the threads that hash passwords have a lower priority than the one that serves requests',
  async () => {
    const instance = await startInstance('pglite:memory', { PASSWORD_HASH: 'm=19456,t=2,p=1' });
    onTestFinished(instance.stop);
    const { pid } = instance;

    const before = new Map(threadsOf(pid).map(({ id, ranMs }) => [id, ranMs]));
    const body = { username: 'nobody', password: 'whatever it may be' };
    for (let n = 0; n < 20; n++) await ask(instance, 'POST /auth/login', { body });
    const threads = threadsOf(pid);

    const busy = threads.filter(({ id, ranMs }) => id !== pid && ranMs - (before.get(id) ?? 0) > 15);
    expect(busy.length).toBeGreaterThan(0);
    expect(busy.map(({ niceness }) => niceness > 0)).toEqual(busy.map(() => true));
    expect(threads.find(({ id }) => id === pid)?.niceness).toBe(0);
  },
);
