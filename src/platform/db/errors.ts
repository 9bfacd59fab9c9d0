// Prisma names one failure differently by API (typed or raw), adapter and phase. The adapter's own report is always the
// same, so we read that; the tests provoke each failure on real databases.

type AdapterError = {
  kind?: string;
  originalCode?: string;
  constraint?: { fields?: string[]; index?: string };
  table?: string;
};

/**
 * The column whose uniqueness an insert or update broke: `username_key`; several are joined with `_`. If the adapter
 * gives only the index's name, it is read from that: `<table>_<column>_key`.
 */
export function uniqueViolation(error: unknown): string | undefined {
  if (sqlState(error) === '23505' && isObject(error) && 'severity' in error)
    return nameWithoutTable(String(error.constraint), String(error.table));
  const { kind, constraint, table } = adapterError(error);
  if (kind !== 'UniqueConstraintViolation') return undefined;
  if (constraint?.fields !== undefined) return constraint.fields.join('_');
  return constraint?.index && nameWithoutTable(constraint.index, table ?? '');
}

function nameWithoutTable(index: string, table: string): string {
  return index.slice(`${table}_`.length).replace(/_key$/, '');
}

export function isForeignKeyViolation(error: unknown): boolean {
  return sqlState(error) === '23503';
}

/** Whether a text was refused because it has a NUL, which Postgres cannot keep. */
export function isTextRefused(error: unknown): boolean {
  return ['22021', '22P05'].includes(sqlState(error) ?? '');
}

/** Postgres' five-character error code, if the error came from Postgres. */
export function sqlState(error: unknown): string | undefined {
  // Below Prisma it is `code`, but other errors have one too: only Postgres' errors have a severity.
  return adapterError(error).originalCode ?? (isObject(error) && 'severity' in error ? codeOf(error) : undefined);
}

/** Whether the database is down, too slow or too busy, so that the same request may succeed later. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  return (
    UNAVAILABLE_STATES.test(sqlState(error) ?? '') ||
    UNAVAILABLE_KINDS.has(adapterError(error).kind ?? '') ||
    (code !== undefined && UNAVAILABLE_CODES.has(code)) ||
    UNAVAILABLE_MESSAGES.has(error.message)
  );
}

const UNAVAILABLE_STATES = new RegExp(
  `^(${[
    '08...', // connection lost
    '25006', // a standby, or a former primary: read only
    '25P03', // a transaction that did nothing for too long
    '28...', // the server no longer takes our credentials
    '3D000', // the database isn't there (any more, or yet)
    '40001', // could not be put in an order with others
    '40P01', // deadlock
    '53...', // out of connections, memory, disk
    '55P03', // a lock that was not to be had in time
    '57014', // statement timeout
    '57P..', // terminated by the administrator, shutting down, starting up
    '58...', // input or output failed
  ].join('|')})$`,
);

const UNAVAILABLE_KINDS = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
]);

const UNAVAILABLE_CODES = new Set([
  'P1001', // Prisma: can't reach the server
  'P1002', // reached, but timed out
  'P1008', // operation timed out
  'P1017', // the server has closed the connection
  'P2024', // no connection came free in time
  'P2028', // a transaction could not start, or went on for too long
  'P2034', // deadlock
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

// pg, pg-pool and PGlite throw plain errors that only their message identifies.
const UNAVAILABLE_MESSAGES = new Set([
  'Query read timeout',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Cannot use a pool after calling end on the pool',
  'PGlite is closing',
  'PGlite is closed',
]);

function adapterError(error: unknown): AdapterError {
  return child(child(child(error, 'meta'), 'driverAdapterError'), 'cause');
}

function child(value: unknown, key: string): Record<string, unknown> {
  const found = isObject(value) ? value[key] : undefined;
  return isObject(found) ? found : {};
}

function codeOf(error: unknown): string | undefined {
  return isObject(error) && typeof error.code === 'string' ? error.code : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
