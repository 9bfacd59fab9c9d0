/** What was verified before. The caller still checks what changes with time. */
export type VerifiedTokens<T> = {
  get(token: string): T | undefined;
  add(token: string, verified: T): void;
};

/** @param size keeps at least this many, at most twice as many, in two generations */
export function createVerifiedTokens<T>(size: number): VerifiedTokens<T> {
  let young = new Map<string, T>();
  let old = new Map<string, T>();
  return {
    get: (token) => young.get(token) ?? old.get(token),
    add(token, verified) {
      if (young.size >= size) {
        old = young;
        young = new Map();
      }
      young.set(token, verified);
    },
  };
}
