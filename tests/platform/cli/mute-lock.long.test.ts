import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { askRunningServer } from '../../../src/platform/cli/ask-server.js';
import { socketAddress } from '../../../src/platform/db/embedded/lock-socket.js';

it('a command runs without the server if the process that holds the database does not answer for seconds and then ends', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'gatelatch-mute-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  let asked = 0;
  const holder = createServer((connection) => {
    asked += 1;
    if (asked < 2) return;
    holder.close();
    connection.destroy();
  });
  holder.listen(socketAddress(join(dir, 'holder-mute.sock')));
  await once(holder, 'listening');
  expect(await askRunningServer(`pglite:${dir}`, { argv: ['help'] })).toBeUndefined();
  expect(asked).toBe(2);
});
