declare module 'express-serve-static-core' {
  interface Locals {
    requestId: string;
    /** Names and values, alternating, of the headers that every response has. */
    headers: string[];
    traceId?: string;
    principal?: unknown;
    code?: string;
    refusedBy?: string;
  }
}

export {};
