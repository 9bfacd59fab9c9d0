import { AppError } from '../errors.js';
import type { AddressKey } from '../platform/address-key.js';
import { createGate, type Turn } from '../platform/process/gate.js';

/** The exports that this instance is sending. */
export type ExportTurns = {
  /**
   * One at a time for a user, and a few for an address.
   * @returns to be called when it has ended
   * @throws AppError rate_limited, overloaded
   */
  begin(userId: string, address: AddressKey): () => void;
  /** Makes a page of one when it is its turn, so that other requests find connections and the event loop free. */
  page<Page>(address: AddressKey, make: () => Promise<Page>, turn: Pick<Turn, 'whenGone'>): Promise<Page>;
  underWay(): number;
};

// Each holds a page and what its socket holds: together about as much as a hash takes.
const mostAtOnce = 100;

const mostOfAddress = 10;

const pagesAtOnce = 2;

// A connection without progress is cut after 10 s: before that, the client hears why.
const patienceMs = 8_000;

export function createExportTurns(): ExportTurns {
  const users = new Map<string, AddressKey>();
  const ofAddress = (address: AddressKey) => [...users.values()].filter((other) => other === address).length;
  const gate = createGate({ concurrency: pagesAtOnce, queueLimit: mostAtOnce, deadlineMs: patienceMs });
  return {
    begin(userId, address) {
      if (users.has(userId))
        throw new AppError('rate_limited', {
          detail: 'Another export of your data is under way. Wait until it has ended.',
          retryAfterSeconds: 10,
        });
      if (users.size >= mostAtOnce) throw new AppError('overloaded', { retryAfterSeconds: 10 });
      if (ofAddress(address) >= mostOfAddress)
        throw new AppError('rate_limited', {
          detail: 'Other exports from your address are under way. Wait until one has ended.',
          retryAfterSeconds: 10,
        });
      users.set(userId, address);
      return () => users.delete(userId);
    },
    page: gate.run,
    underWay: () => users.size,
  };
}
