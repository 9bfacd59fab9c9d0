import type { SqlDriverAdapterFactory, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import type { DirectoryLock } from './embedded/directory-lock.js';
import type { Listen } from './listen.js';

/** Sends one statement without preparing it. */
export type RunSql = (text: string, values: unknown[]) => Promise<{ rows: unknown[]; rowCount: number | null }>;

export type DirectStatement = { text: string; values: unknown[] };

/** @returns the rows, with the types that Prisma's `$queryRaw` gives */
export type RunDirect = (statement: DirectStatement) => Promise<unknown[]>;

export type Driver = {
  kind: 'embedded' | 'server';
  adapters: SqlDriverAdapterFactory;
  listen: Listen;
  /** Runs `work` while no other instance migrates, on one connection without time limits. */
  withMigrationLock<T>(work: (adapters: SqlMigrationAwareDriverAdapterFactory) => Promise<T>): Promise<T>;
  /** Runs `work` on its own connection without time limits; an embedded database has only one connection. */
  withSession<T>(work: (runSql: RunSql) => Promise<T>): Promise<T>;
  runDirect: RunDirect;
  /** For hand-written statements; undefined for an embedded database. */
  runSql: RunSql | undefined;
  /** Connections (all, idle, maximum) and queries that wait for one; undefined for an embedded database. */
  pool: (() => { total: number; idle: number; max: number; waiting: number }) | undefined;
  close(): Promise<void>;
  lock: DirectoryLock | undefined;
};
