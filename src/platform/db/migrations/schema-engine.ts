import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg';

// Node has it, but neither its types nor TypeScript's library declare it.
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

export const NO_FILTERS = { externalTables: [], externalEnums: [] };

export type SchemaFile = { path: string; content: string };

export type { SchemaEngine };

/**
 * Prisma's own schema engine, the one behind `prisma migrate`, as WebAssembly: nothing is downloaded. Call `free()`
 * when done.
 * @param schema only for `diff`
 */
export async function openSchemaEngine(
  adapters: SqlMigrationAwareDriverAdapterFactory,
  schema?: SchemaFile[],
): Promise<SchemaEngine> {
  loading ??= loadBindings();
  const bindings = await loading;
  const datamodels = schema?.map(({ path, content }): [string, string] => [path, content]);
  return await bindings.SchemaEngine.new({ datamodels }, ignoreLog, bindMigrationAwareSqlAdapterFactory(adapters));
}

type Bindings = typeof import('@prisma/schema-engine-wasm/schema_engine_bg');

// One instance only: a second would replace the memory of the first one's engines.
let loading: Promise<Bindings> | undefined;

// Does what the package's entry point does: that imports the .wasm file as a module, which Node 20 cannot.
async function loadBindings(): Promise<Bindings> {
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const folder = dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm'));
  const bytes = await readFile(join(folder, 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': { ...bindings } });
  bindings.__wbg_set_wasm(instance.exports);
  const start = instance.exports.__wbindgen_start;
  if (typeof start !== 'function') throw new Error('The schema engine has an unexpected version.');
  start();
  return bindings;
}

// The engine's log repeats its errors.
function ignoreLog(): void {}
