import type { SqlDriverAdapterFactory, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import type { DirectoryLock } from './embedded/directory-lock.js';
import type { Listen } from './listen.js';

/** Sends one statement, and prepares nothing. */
export type RunSql = (text: string, values: unknown[]) => Promise<{ rows: unknown[]; rowCount: number | null }>;

/** What the two kinds of database give to the rest. */
export type Driver = {
  /** In this process, for it alone, or a server that several instances share. */
  kind: 'embedded' | 'server';
  adapters: SqlDriverAdapterFactory;
  listen: Listen;
  /**
   * Runs `work` while no other instance migrates, on a connection without time limits; waits for its turn without
   * one, too. What the adapters give works on that very connection.
   */
  withMigrationLock<T>(work: (adapters: SqlMigrationAwareDriverAdapterFactory) => Promise<T>): Promise<T>;
  /** Runs `work` on a connection of its own, without time limits; an embedded database has but the one. */
  withSession<T>(work: (runSql: RunSql) => Promise<T>): Promise<T>;
  /** A server's pool, for those who bring statements of their own; an embedded database has none. */
  runSql: RunSql | undefined;
  /** Connections in all, of them idle, at the most; and queries that wait for one. An embedded database has none. */
  pool: (() => { total: number; idle: number; most: number; waiting: number }) | undefined;
  close(): Promise<void>;
  /** The embedded directory; undefined in memory and for a server. */
  lock: DirectoryLock | undefined;
};
