import { AppError } from '../errors.js';
import { createGate } from '../platform/process/gate.js';

/** The exports that this instance is sending. */
export type ExportTurns = {
  /**
   * One at a time for a user.
   * @returns to be called when it has ended
   * @throws AppError rate_limited, overloaded
   */
  begin(userId: string): () => void;
  /** Makes a page of one when it is its turn, so that other requests find connections and the event loop free. */
  page<Page>(userId: string, make: () => Promise<Page>): Promise<Page>;
  underWay(): number;
};

// Each holds a page and what its socket holds: together about as much as a hash takes.
const mostAtOnce = 100;

const pagesAtOnce = 2;

export function createExportTurns(): ExportTurns {
  const users = new Set<string>();
  const gate = createGate({ concurrency: pagesAtOnce, queueLimit: mostAtOnce, deadlineMs: 30_000 });
  return {
    begin(userId) {
      if (users.has(userId))
        throw new AppError('rate_limited', {
          detail: 'Another export of your data is under way. Wait until it has ended.',
          retryAfterSeconds: 10,
        });
      if (users.size >= mostAtOnce) throw new AppError('overloaded', { retryAfterSeconds: 10 });
      users.add(userId);
      return () => users.delete(userId);
    },
    page: gate.run,
    underWay: () => users.size,
  };
}
