declare module 'express-serve-static-core' {
  interface Locals {
    requestId: string;
    /** When the request came, by `performance.now()`. */
    startedAt: number;
    /** Names and values, alternating, of the headers that every response has. */
    headers: string[];
    traceId?: string;
    principal?: unknown;
    code?: string;
    refusedBy?: string;
  }
}

export {};
