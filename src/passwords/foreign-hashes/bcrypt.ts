import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { hashNiceness } from '../hash-priority.js';

// Text, not a file: the tests run the sources uncompiled, which a worker of Node 20 can't load.
const comparison = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { library, password, hash, niceness } = workerData;
  // On Linux that is this thread's own.
  if (niceness !== undefined) require('node:os').setPriority(niceness);
  parentPort.postMessage(require(library).compareSync(password, hash));
`;

/**
 * Compares as bcrypt does, which looks at the first 72 bytes of a password only.
 *
 * In a thread of its own that ends with the comparison: in the event loop bcryptjs, which is JavaScript, would hold
 * everybody up for 100 ms at a time, for as many logins as come. A thread takes some 30 ms to start, and a user needs
 * one once, because the first good login replaces the hash.
 */
export async function compareBcrypt(password: string, hash: string): Promise<boolean> {
  const library = createRequire(import.meta.url).resolve('bcryptjs');
  const workerData = { library, password, hash, niceness: hashNiceness() };
  const worker = new Worker(comparison, { eval: true, workerData, env: {} });
  const [right] = await once(worker, 'message');
  return right === true;
}
