import { once } from 'node:events';
import { createServer } from 'node:net';

/** A free port, for a program that must be told one. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('No port came free.');
  return address.port;
}
