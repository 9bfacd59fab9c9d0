import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

// Where pino finds what Postgres adds to a message, by Prisma, by its adapters, and by pg: "Failing row contains (…)",
// with hashes and addresses. The message itself names tables and columns, and no values of ours.
const details = ['err.meta.driverAdapterError.cause.detail', 'err.cause.detail', 'err.detail'];

/** The log: JSON lines of which none holds what stands in the database (ASVS 16.2.5). Times are RFC 3339. */
export function createLog(level: NonNullable<LoggerOptions['level']>, destination: DestinationStream): Logger {
  const redact = { paths: details, remove: true };
  return pino({ level, base: null, timestamp: isoTime, redact }, destination);
}

/** pino's own, but written once for all lines of a millisecond: at full speed there are ten. */
const isoTime = (() => {
  let [at, text] = [0, ''];
  return () => {
    const now = Date.now();
    if (now !== at) [at, text] = [now, `,"time":"${new Date(now).toISOString()}"`];
    return text;
  };
})();
