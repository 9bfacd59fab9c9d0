/** Where a request comes from, as sessions and the audit store it. */
export type Caller = {
  address: string;
  userAgent: string | undefined;
  /** Calls `leave` when the client has closed its connection. @returns a function that stops listening */
  whenGone?: (leave: () => void) => () => void;
};
