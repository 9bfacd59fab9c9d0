/** Where a request comes from, as sessions and the audit remember it. */
export type Caller = { address: string; userAgent: string | undefined };
