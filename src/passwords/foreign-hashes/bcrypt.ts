import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Expense } from '../../platform/process/gate.js';
import { hashNiceness } from '../hash-priority.js';

// A text, not a file: tests run the TypeScript sources, which a worker of Node 20 cannot load.
const comparison = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { library, password, hash, niceness } = workerData;
  // On Linux that is this thread's own.
  if (niceness !== undefined) require('node:os').setPriority(niceness);
  parentPort.postMessage(require(library).compareSync(password, hash));
`;

/** JavaScript: measured beside argon2, cost 14 takes a quarter more than a pass over 1 GiB. Each step doubles it. */
export function bcryptExpense(cost: number): Expense {
  return { memoryBytes: 8 * 2 ** 20, milliseconds: 1250 * 2 ** (cost - 14) };
}

/**
 * In its own thread: bcryptjs is JavaScript and would block the event loop for 100 ms. A thread takes 30 ms to start,
 * once per user: the first login replaces the hash. Like bcrypt, it reads only the first 72 bytes.
 */
export async function compareBcrypt(password: string, hash: string): Promise<boolean> {
  const library = createRequire(import.meta.url).resolve('bcryptjs');
  const workerData = { library, password, hash, niceness: hashNiceness() };
  const worker = new Worker(comparison, { eval: true, workerData, env: {} });
  const [right] = await once(worker, 'message');
  return right === true;
}
