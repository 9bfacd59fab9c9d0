import { setTimeout as sleep } from 'node:timers/promises';
import { context, DiagLogLevel, diag, SpanKind, trace } from '@opentelemetry/api';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Logger } from 'pino';
import { beginRequestSpan, type RequestSpan, type TracedRequest } from './request-span.js';
import { withinSpan } from './span.js';

export type Tracing = {
  /** Starts a request's span: below that of its `traceparent` if a trusted proxy sent it, else with a link to it. */
  beginRequest(request: TracedRequest): RequestSpan;
  /** Runs a statement in a span, if it has a parent: not for background jobs. */
  statement<T>(sql: string, run: () => Promise<T>): Promise<T>;
  work<T>(name: string, run: () => Promise<T>): Promise<T>;
  call<T>(name: string, run: () => Promise<T>): Promise<T>;
  /** Sends the remaining spans, in at most two seconds. */
  stop(): Promise<void>;
};

export type TracingSettings = { protocol: 'http/protobuf' | 'http/json'; serviceName: string; version: string };

/** OpenTelemetry's packages read sampling and target from the environment; their complaints become log lines. */
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
    beginRequest: (request) => beginRequestSpan(tracer, request),
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

/** From OpenTelemetry's database conventions. The text has placeholders, no values. */
function statementOptions(sql: string) {
  const attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': operationOf(sql),
    'db.query.text': sql.replace(/\s+/g, ' ').trim().slice(0, 2_000),
  };
  return { kind: SpanKind.CLIENT, attributes };
}

function operationOf(sql: string): string {
  return /[a-z]+/i.exec(sql)?.[0].toUpperCase() ?? 'SQL';
}

function diagnosticsTo(log: Logger) {
  const tell = (message: string) =>
    log.warn({ reason: message.slice(0, 500) }, 'traces: OpenTelemetry reports a problem');
  const nothing = () => undefined;
  return { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing };
}
