import type { IncomingHttpHeaders } from 'node:http';
import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { markFailed } from './span.js';

export type TracedRequest = {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** Whether a trusted proxy sent it. */
  isFromProxy: boolean;
};

export type RequestSpan = {
  traceId: string;
  /** Runs the request's steps with this span as their parent. */
  run(steps: () => void): void;
  /** @param answer without `status` if the client left; `code` is that of a refusal */
  end(answer: { route: string | undefined; status: number | undefined; code: string | undefined }): void;
};

// From OpenTelemetry's HTTP conventions; any other method is client input.
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

export function beginRequestSpan(tracer: Tracer, { method, path, headers, isFromProxy }: TracedRequest): RequestSpan {
  const sent = propagation.extract(ROOT_CONTEXT, headers);
  // A stranger's trace must not decide whether ours is kept, or lie in it.
  const parent = isFromProxy ? sent : ROOT_CONTEXT;
  const links = isFromProxy ? [] : linksTo(sent);
  const verb = methods.has(method) ? method : '_OTHER';
  const name = verb === '_OTHER' ? 'HTTP' : verb;
  const attributes = { 'http.request.method': verb, 'url.scheme': 'http', 'url.path': path };
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes, links }, parent);
  return {
    traceId: span.spanContext().traceId,
    run: (steps) => context.with(trace.setSpan(parent, span), steps),
    end({ route, status, code }) {
      if (route !== undefined) span.updateName(`${name} ${route}`).setAttribute('http.route', route);
      if (status !== undefined) span.setAttribute('http.response.status_code', status);
      if (status === undefined) markFailed(span, 'aborted');
      else if (status >= 500) markFailed(span, code ?? String(status));
      span.end();
    },
  };
}

/** Its ids alone: `tracestate` is a client's text. */
function linksTo(sent: Context) {
  const span = trace.getSpanContext(sent);
  if (!span || !isSpanContextValid(span)) return [];
  return [{ context: { traceId: span.traceId, spanId: span.spanId, traceFlags: span.traceFlags, isRemote: true } }];
}
