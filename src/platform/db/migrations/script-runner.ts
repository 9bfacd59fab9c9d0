import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';

/** Runs many statements as Postgres does: all of them, in one implicit transaction, rejecting where one fails. */
export type ScriptRunner = (adapter: SqlDriverAdapter, script: string) => Promise<void>;

/**
 * The same adapters with another `executeScript`. Those shipped can't be trusted with a migration: that of
 * @prisma/adapter-pg cuts the script at every `;`, also in strings and functions, and that of
 * pglite-prisma-adapter neither waits for the script nor hears that it failed. There is no shadow database: nothing
 * that a running server does needs one.
 */
export function withScriptRunner(
  adapters: SqlMigrationAwareDriverAdapterFactory,
  run: ScriptRunner,
): SqlMigrationAwareDriverAdapterFactory {
  return {
    provider: adapters.provider,
    adapterName: adapters.adapterName,
    connect: async () => {
      const adapter = await adapters.connect();
      adapter.executeScript = (script) => run(adapter, script);
      return adapter;
    },
    connectToShadowDb: async () => {
      throw new Error('There is no shadow database here.');
    },
  };
}
