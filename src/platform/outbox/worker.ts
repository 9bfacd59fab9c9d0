import type { Logger } from 'pino';
import type { Db } from '../db/database.js';
import { markDone, whileLeased } from '../queue/lease.js';
import type { Wake } from '../queue/wake.js';
import { type StopWorker, startWorker } from '../queue/worker.js';
import * as queue from './queue.js';
import { retryDelay } from './retries.js';

type WorkerDeps = {
  db: Db;
  database: { kind: 'embedded' | 'server' };
  log: Logger;
  outboxWake: Wake;
};

/** `pointless`: it has no recipient, or says nothing new. `withheld`: a limit kept it back. */
type Delivery = 'delivered' | 'withheld' | 'pointless';

/** Delivers one item. @param signal cuts the delivery @throws to try again later */
export type Deliver = (item: queue.OutboxItem, signal: AbortSignal) => Promise<Delivery>;

const lanes = 5;

// An embedded database has no other instances' items, and its worker is woken.
const lookEveryMs = { server: 5_000, embedded: 60_000 };

/** Sends the mails of the outbox, on any number of instances. */
export function startOutboxWorker(deps: WorkerDeps, deliver: Deliver): StopWorker {
  const { log } = deps;
  return startWorker<queue.OutboxItem>({
    take: (max) => queue.takeItems(deps, max),
    secondsUntilDue: () => queue.secondsUntilDue(deps),
    work: (item, signal) => attempt(deps, deliver, item, signal),
    lanes,
    lookEveryMs: () => lookEveryMs[deps.database.kind],
    wake: deps.outboxWake,
    onUnmarked: ({ id }, error) => log.error({ err: error, mail: id }, 'a mail could not be marked'),
    onUnreadable: (error) => log.warn({ err: error }, 'the outbox could not be read'),
  });
}

async function attempt(deps: WorkerDeps, deliver: Deliver, item: queue.OutboxItem, signal: AbortSignal): Promise<void> {
  const extend = () => queue.extendLease(deps, item);
  try {
    const delivery = await whileLeased(extend, deps.log, () => deliver(item, signal));
    if (delivery === 'pointless') return await queue.dropItem(deps, item);
    if (delivery === 'withheld') return await queue.withholdItem(deps, item);
  } catch (error) {
    return await putBack(deps, item, error, signal.aborted);
  }
  await markDone(() => queue.markSent(deps, item));
}

async function putBack(deps: WorkerDeps, item: queue.OutboxItem, error: unknown, cut: boolean): Promise<void> {
  const why = reasonOf(error);
  const retryIn = cut ? 0 : retryDelay(item.attempts, error);
  await queue.markFailed(deps, item, why, retryIn);
  const facts = {
    mail: item.id,
    purpose: item.purpose,
    attempts: item.attempts,
    why,
    retry_in_seconds: retryIn && Math.round(retryIn),
  };
  if (retryIn === undefined) deps.log.error(facts, 'a mail was given up');
  else deps.log.warn(facts, 'a mail could not be sent yet');
}

/** Codes only: an error message could repeat an address or content. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  type Codes = Partial<Record<'code' | 'originalCode' | 'command' | 'responseCode', unknown>>;
  // The original code comes from the system or TLS, such as for an untrusted certificate.
  const { code, originalCode, command, responseCode } = error as Codes;
  return [error.name, code, originalCode, command, responseCode]
    .filter((part) => part !== undefined)
    .join(' ')
    .slice(0, 200);
}
