import { context, type Span, type SpanOptions, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';

/** Runs work in a span below the current one. Keeps the kind of a failure, not its message, which may quote a value. */
export async function withinSpan<T>(
  tracer: Tracer,
  name: string,
  options: SpanOptions,
  run: () => Promise<T>,
): Promise<T> {
  const span = tracer.startSpan(name, options);
  try {
    return await context.with(trace.setSpan(context.active(), span), run);
  } catch (error) {
    markFailed(span, error instanceof Error ? kindOf(error) : typeof error);
    throw error;
  } finally {
    span.end();
  }
}

/** @param type one of a few values: an error class, one of our codes, a status */
export function markFailed(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function kindOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name;
}
