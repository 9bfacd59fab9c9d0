import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

// Where pino finds Postgres' detail ("Failing row contains (…)", with hashes and addresses) in errors of Prisma, its
// adapters and pg. The message itself names tables and columns only.
const details = ['err.meta.driverAdapterError.cause.detail', 'err.cause.detail', 'err.detail'];

/** The log: JSON lines without values from the database (ASVS 16.2.5). Times are RFC 3339. */
export function createLog(level: NonNullable<LoggerOptions['level']>, destination: DestinationStream): Logger {
  const redact = { paths: details, remove: true };
  return pino({ level, base: null, timestamp: isoTime, redact }, destination);
}

/** Like pino's, but formatted once per millisecond: at full speed there are ten lines in each. */
const isoTime = (() => {
  let [at, text] = [0, ''];
  return () => {
    const now = Date.now();
    if (now !== at) [at, text] = [now, `,"time":"${new Date(now).toISOString()}"`];
    return text;
  };
})();
