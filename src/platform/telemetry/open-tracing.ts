import type { Logger } from 'pino';
import type { Tracing, TracingSettings } from './tracing.js';

/** OpenTelemetry is many megabytes: load it only if traces are sent. */
export async function openTracing(
  { on, ...settings }: { on: boolean } & Omit<TracingSettings, 'version'>,
  version: string,
  log: Logger,
): Promise<Tracing | undefined> {
  if (!on) return undefined;
  const { startTracing } = await import('./tracing.js');
  return startTracing({ ...settings, version }, log);
}
