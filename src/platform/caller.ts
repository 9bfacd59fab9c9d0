import { type AddressKey, addressKey } from './address-key.js';

/** Where a request comes from. */
export type Caller = {
  /** As sessions and the audit store it. To count by it, take `addressKey`. */
  address: string;
  userAgent: string | undefined;
  /** Calls `leave` when the client has closed its connection. @returns a function that stops listening */
  whenGone?: (leave: () => void) => () => void;
};

/** Under which its caller is counted, and takes turns with others. */
export function keyOfCaller({ address }: Pick<Caller, 'address'>): AddressKey {
  return addressKey(address);
}
