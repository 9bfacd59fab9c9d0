/** What the steps of a request tell each other. */
declare module 'express-serve-static-core' {
  interface Locals {
    requestId: string;
    /** Names and values of the headers of every answer, in turn. */
    headers: string[];
    traceId?: string;
    /** What the guard knows of the one who asks. */
    principal?: unknown;
    /** The code of the refusal, for log, metrics and traces. */
    code?: string;
    /** The limit that refused the request, for the metrics. */
    refusedBy?: string;
  }
}

export {};
