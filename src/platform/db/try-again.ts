import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import type { PrismaClient } from '../../generated/prisma/client.js';
import { isRolledBackForOthers } from './errors.js';

const attempts = 5;

// A deadlock is found after a second. Whoever waits for an answer has waited enough then.
const longestMs = 1_500;

/**
 * Runs the work again if Postgres rolled it back for another's sake (serialization failure, deadlock).
 * @param work one statement or one whole transaction that changes nothing outside of the database
 */
export async function tryAgain<T>(work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isLast = attempt === attempts || performance.now() - startedAt > longestMs;
      if (isLast || !isRolledBackForOthers(error)) throw error;
      // At random, or the same two would meet again.
      await sleep(Math.random() * 20 * attempt);
    }
  }
}

/** The same adapter; statements outside of a transaction are tried again. */
export function tryingAgain(adapters: SqlDriverAdapterFactory): SqlDriverAdapterFactory {
  return {
    provider: adapters.provider,
    adapterName: adapters.adapterName,
    connect: async () => {
      const adapter = await adapters.connect();
      const query = adapter.queryRaw.bind(adapter);
      const execute = adapter.executeRaw.bind(adapter);
      adapter.queryRaw = (statement) => tryAgain(() => query(statement));
      adapter.executeRaw = (statement) => tryAgain(() => execute(statement));
      return adapter;
    },
  };
}

/** Lets the client try whole transactions again: what is given to `$transaction` may run several times. */
export function tryTransactionsAgain(client: PrismaClient): void {
  const run = client.$transaction.bind(client) as (...given: unknown[]) => Promise<unknown>;
  const again = (work: unknown, ...options: unknown[]) =>
    typeof work === 'function' ? tryAgain(() => run(work, ...options)) : run(work, ...options);
  client.$transaction = again as typeof client.$transaction;
}
