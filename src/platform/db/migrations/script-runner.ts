import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';

/** Runs many statements in one implicit transaction, and rejects if one fails. */
type ScriptRunner = (adapter: SqlDriverAdapter, script: string) => Promise<void>;

/**
 * The adapters' own `executeScript` is wrong: @prisma/adapter-pg cuts the script at every `;`, also in strings;
 * pglite-prisma-adapter neither waits for the script nor notices that it failed.
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
