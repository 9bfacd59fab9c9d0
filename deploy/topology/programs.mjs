import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A program that can be stopped and started again with the same arguments. Its output is appended to a file.
 * @param isUp resolves to true once it works
 * @param stopSignal stops it cleanly and soon
 */
export function createProgram({ command, args, log, isUp, stopSignal = 'SIGTERM', ...options }) {
  let child;
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    /** @throws if it is not up within half a minute */
    async start() {
      const output = openSync(log, 'a');
      child = spawn(command, args, { ...options, stdio: ['ignore', output, output] });
      const failed = once(child, 'error').then(([error]) => {
        throw new Error(`${command} did not start: ${error.message}`);
      });
      failed.catch(() => undefined);
      for (let tries = 0; tries < 600; tries += 1) {
        if (await Promise.race([isUp(), failed])) return;
        if (!isRunning()) break;
        await sleep(50);
      }
      throw new Error(`${command} did not start; see ${log}`);
    },
    get pid() {
      return child?.pid;
    },
    /** Sends a signal. @returns the exit code, or null if the signal ended the process */
    async end(signal = stopSignal) {
      if (!isRunning()) return child?.exitCode ?? null;
      const exit = once(child, 'exit');
      child.kill(signal);
      return (await exit)[0];
    },
  };
}

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Whether a server accepts connections on this port. */
export async function accepts(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
