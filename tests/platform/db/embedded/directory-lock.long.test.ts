import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from '../../../../src/platform/db/embedded/directory-lock.js';

describe('locking a directory', () => {
  let dir: string;

  beforeEach(() => {
    const parent = mkdtempSync(join(tmpdir(), 'gatelatch-hold-'));
    dir = join(parent, 'db');
    return () => rmSync(parent, { recursive: true, force: true });
  });

  const onlySocket = () => join(dir, readdirSync(dir)[0] ?? '');

  it('creates it and its socket for this user only', async () => {
    const hold = await lockDirectory(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(onlySocket()).mode & 0o777).toBe(0o600);
    await hold.release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('takes the right to write there from others', async () => {
    mkdirSync(dir);
    chmodSync(dir, 0o777);
    await (await lockDirectory(dir)).release();
    expect(statSync(dir).mode & 0o777).toBe(0o755);
  });

  it('is refused to others in one line that names the holder, until it is released', async () => {
    const hold = await lockDirectory(dir);
    await expect(lockDirectory(dir)).rejects.toThrow(
      new RegExp(
        `^${dir} is in use by process ${process.pid} \\(since 20\\S+Z\\)\\. Stop it first, or set DATABASE_URL`,
      ),
    );
    await hold.release();
    await (await lockDirectory(dir)).release();
  });

  it('succeeds for exactly one of many at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(dir)));
    const holds = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(holds).toHaveLength(1);
    expect(readdirSync(dir)).toHaveLength(1);
    await holds[0]?.release();
  });

  it('succeeds at once if the old socket does not answer', async () => {
    await (await lockDirectory(dir)).release();
    await leaveDeadSocket(join(dir, 'holder-4242-0123456789abcdef.sock'));
    await leaveDeadSocket(join(dir, 'new-4242-0123456789abcdef.sock'));
    const started = Date.now();
    const hold = await lockDirectory(dir);
    expect(Date.now() - started).toBeLessThan(1000);
    expect(readdirSync(dir)).toHaveLength(1);
    await hold.release();
  });

  it('is refused while a process that does not answer holds the directory', async () => {
    await (await lockDirectory(dir)).release();
    const mute = createServer().listen(join(dir, 'holder-4242-0123456789abcdef.sock'));
    await once(mute, 'listening');
    await expect(lockDirectory(dir)).rejects.toThrow('in use by process 4242 (since 20');
    mute.close();
  });

  it('lets clients see who holds the directory and send commands, and answers failed and unknown ones too', async () => {
    const hold = await lockDirectory(dir);
    const client = connect(onlySocket());
    const lines = createInterface({ input: client })[Symbol.asyncIterator]();
    const next = async () => JSON.parse(String((await lines.next()).value));
    expect(await next()).toEqual({ pid: process.pid, state: 'holding', since: expect.any(String) });
    client.write('{"do":"it"}\n');
    expect(await next()).toEqual({ error: expect.any(String) });
    hold.onCommand(async (request) => ({ heard: request }));
    client.write('{"do":"it"}\n');
    expect(await next()).toEqual({ heard: { do: 'it' } });
    client.write('no json\n');
    expect(await next()).toEqual({ error: expect.stringContaining('JSON') });
    await hold.release();
    expect((await lines.next()).done).toBe(true);
  });

  it('survives clients that hang up before they have read the response', async () => {
    const hold = await lockDirectory(dir);
    hold.onCommand(async () => 'x'.repeat(1_000_000));
    for (let n = 0; n < 20; n += 1) {
      const client = connect(onlySocket());
      await once(client, 'connect');
      client.write('{}\n{}\n');
      client.destroy();
    }
    const client = connect(onlySocket());
    expect(JSON.parse(String(await once(createInterface({ input: client }), 'line')))).toMatchObject({
      state: 'holding',
    });
    client.destroy();
    await hold.release();
  });

  it('reports a path that is too long for a socket', async () => {
    const long = join(dir, 'x'.repeat(100));
    await expect(lockDirectory(long)).rejects.toThrow(/too long for a socket \(\d+ bytes, at most 103\)/);
  });
});

// Leaves a socket as a killed process does. Node removes its own sockets, so it is renamed first.
async function leaveDeadSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}.dying`);
  await once(server, 'listening');
  renameSync(`${path}.dying`, path);
  server.close();
  await once(server, 'close');
}
