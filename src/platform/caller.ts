/** Where a request comes from, as sessions and the audit store it. */
export type Caller = { address: string; userAgent: string | undefined };
