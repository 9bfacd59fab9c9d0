/** What the steps of a request pass on to each other. */
declare module 'express-serve-static-core' {
  interface Locals {
    requestId: string;
    /** Names and values, alternating, of the headers that every response has. */
    headers: string[];
    traceId?: string;
    /** What the guard knows of the client. */
    principal?: unknown;
    /** The code of the refusal, for log, metrics and traces. */
    code?: string;
    /** The limit that refused the request, for the metrics. */
    refusedBy?: string;
  }
}

export {};
