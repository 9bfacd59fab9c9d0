import { once } from 'node:events';
import { chmodSync, chownSync, lchownSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { askRunningServer } from '../../../src/platform/cli/ask-server.js';
import { socketAddress } from '../../../src/platform/db/embedded/lock-socket.js';

/** Greets as a server does, and answers everything that it hears. */
async function falseServer() {
  const dir = mkdtempSync(join(tmpdir(), 'gatelatch-false-'));
  const socket = join(dir, 'holder-false.sock');
  const heard: string[] = [];
  const server = createServer((connection) => {
    connection.write('{"pid":1,"state":"holding","since":"2026-01-01T00:00:00Z"}\n');
    connection.on('data', (data) => {
      heard.push(String(data));
      connection.write('{"exit_code":0,"stdout":"","stderr":""}\n');
    });
  });
  server.listen(socketAddress(socket));
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return { dir, socket, heard };
}

const command = { argv: ['users', 'set-password'], password: 'a password' };

it('a command is not sent to a socket in a directory into which every user of the machine can write', async () => {
  const { dir, heard } = await falseServer();
  chmodSync(dir, 0o777);
  await expect(askRunningServer(`pglite:${dir}`, command)).rejects.toThrow('nothing was sent');
  expect(heard).toEqual([]);
});

// Only root can give a file away.
it.skipIf(process.getuid?.() !== 0)('a command is not sent to a socket or link of another user', async () => {
  const { dir, socket, heard } = await falseServer();
  const nobody = 65_534;
  chmodSync(dir, 0o1777);
  chownSync(socket, nobody, nobody);
  await expect(askRunningServer(`pglite:${dir}`, command)).rejects.toThrow('belongs to another user');
  chownSync(socket, 0, 0);
  const link = join(dir, 'holder-a-link.sock');
  symlinkSync(socket, link);
  lchownSync(link, nobody, nobody);
  await expect(askRunningServer(`pglite:${dir}`, command)).rejects.toThrow('belongs to another user');
  expect(heard).toEqual([]);
});
