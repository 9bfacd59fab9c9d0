import type { Logger } from 'pino';
import type { Config } from '../../config.js';
import type { Tracing } from './tracing.js';

/** OpenTelemetry is many megabytes, which whoever sends no traces shall not load. */
export async function openTracing(
  { on, ...settings }: Config['tracing'],
  version: string,
  log: Logger,
): Promise<Tracing | undefined> {
  if (!on) return undefined;
  const { startTracing } = await import('./tracing.js');
  return startTracing({ ...settings, version }, log);
}
