import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { context, DiagLogLevel, diag, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Logger } from 'pino';
import { beginRequestSpan, type RequestSpan } from './request-span.js';
import { withinSpan } from './span.js';

/** Spans of what a request does, sent to a collector in the background. */
export type Tracing = {
  /** Begins the span of a request, below that of its `traceparent` where it has one. */
  beginRequest(request: { method: string; path: string; headers: IncomingHttpHeaders }): RequestSpan;
  /** Runs a statement in a span of its own, where that has one to stand below: not for what goes on by itself. */
  statement<T>(sql: string, run: () => Promise<T>): Promise<T>;
  /** Runs work in a span of its own. */
  work<T>(name: string, run: () => Promise<T>): Promise<T>;
  /** Runs what asks another server in a span of its own. */
  call<T>(name: string, run: () => Promise<T>): Promise<T>;
  /** Sends what is left, for two seconds at the most. */
  stop(): Promise<void>;
};

export type TracingSettings = { protocol: 'http/protobuf' | 'http/json'; serviceName: string; version: string };

/**
 * Loaded only where tracing is on. How much is sampled and where it goes OpenTelemetry's packages read from the
 * environment by themselves; what they complain of, such as a collector that is away, becomes a line of the log.
 */
export async function startTracing(settings: TracingSettings, log: Logger): Promise<Tracing> {
  diag.setLogger(diagnosticsTo(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      'service.name': settings.serviceName,
      'service.version': settings.version,
    }).merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(await exporterFor(settings.protocol))],
  });
  provider.register();
  const tracer = provider.getTracer('gatelatch', settings.version);
  return {
    beginRequest: (request) => beginRequestSpan(tracer, propagation.extract(ROOT_CONTEXT, request.headers), request),
    statement: (sql, run) =>
      trace.getSpan(context.active()) ? withinSpan(tracer, operationOf(sql), statementOptions(sql), run) : run(),
    work: (name, run) => withinSpan(tracer, name, {}, run),
    call: (name, run) => withinSpan(tracer, name, { kind: SpanKind.CLIENT }, run),
    async stop() {
      await Promise.race([provider.shutdown(), sleep(2_000, undefined, { ref: false })]).catch(() => undefined);
    },
  };
}

async function exporterFor(protocol: TracingSettings['protocol']) {
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

/** By the semantic conventions for databases. The text has placeholders: no value of anybody's. */
function statementOptions(sql: string) {
  const attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': operationOf(sql),
    'db.query.text': sql.replace(/\s+/g, ' ').trim().slice(0, 2_000),
  };
  return { kind: SpanKind.CLIENT, attributes };
}

/** The word that a statement begins with: `SELECT`, `WITH`. */
function operationOf(sql: string): string {
  return /[a-z]+/i.exec(sql)?.[0].toUpperCase() ?? 'SQL';
}

function diagnosticsTo(log: Logger) {
  const tell = (message: string) => log.warn({ reason: message.slice(0, 500) }, 'traces: OpenTelemetry complains');
  const nothing = () => undefined;
  return { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing };
}
