import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import { sqlState } from './errors.js';

const attempts = 4;

/**
 * Runs the work again if Postgres rolled it back for another's sake (serialization failure, deadlock) and asks for that.
 * @param work one statement or one whole transaction that changes nothing outside of the database
 */
export async function tryAgain<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === attempts || !mayBeTriedAgain(error)) throw error;
      // At random, or the same two would meet again.
      await sleep(Math.random() * 20 * attempt);
    }
  }
}

function mayBeTriedAgain(error: unknown): boolean {
  return ['40001', '40P01'].includes(sqlState(error) ?? '');
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
