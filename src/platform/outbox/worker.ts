import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../../config.js';
import { letterFor } from '../../email/mails.js';
import type { Db } from '../db/database.js';
import type { Mailer } from '../mail/mailer.js';
import { messageOf } from '../mail/message.js';
import { mailTextFor } from '../mail/render.js';
import * as queue from './queue.js';
import { retryDelay } from './retries.js';
import type { MailBell } from './wake.js';

type WorkerDeps = {
  db: Db;
  database: { kind: 'embedded' | 'server' };
  config: Config;
  log: Logger;
  mailBell: MailBell;
};

/** Ends the worker: what is being sent is finished if it can be within `graceMs`, and cut otherwise. */
export type StopMailWorker = (graceMs: number) => Promise<void>;

// So many mails are on their way at once; one that hangs holds up nobody but itself.
const lanes = 5;

// Another instance's mails are found by looking. An embedded database has no other instance, and hears its own bell.
const lookEveryMs = { server: 5_000, embedded: 60_000 };

// What is due and not to be had is in other hands just now.
const shortestSleep = 200;
const longestSleep = Number.POSITIVE_INFINITY;

// So that the answer is on its way before its mail is made: the two do not compete for the processor.
const afterRingMs = 25;

/**
 * Sends what is in the outbox, on any number of instances at once. A mail is taken with a lease, sent while no
 * transaction is open, and marked: it is sent at least once, and once only unless the process dies, or the database
 * is away, between the server's acceptance and the mark.
 */
export function startMailWorker(deps: WorkerDeps, send: Mailer): StopMailWorker {
  const stopping = new AbortController();
  const cutting = new AbortController();
  const underWay = new Set<Promise<void>>();
  const waker = createWaker();
  deps.mailBell.onRing(() => waker.wakeIn(afterRingMs));

  function begin(mail: queue.TakenMail): void {
    const work = deliver(deps, send, mail, cutting.signal)
      .catch((error: unknown) => deps.log.error({ err: error, mail: mail.id }, 'a mail could not be marked'))
      .then(() => {
        underWay.delete(work);
        waker.wakeIn(0);
      });
    underWay.add(work);
  }

  /** @returns for how many milliseconds there is nothing to do */
  async function look(): Promise<number> {
    if (underWay.size < lanes) for (const mail of await queue.takeMails(deps, lanes - underWay.size)) begin(mail);
    // The end of any mail under way wakes.
    if (underWay.size === lanes) return longestSleep;
    const due = await queue.secondsUntilDue(deps);
    return due === undefined ? longestSleep : Math.max(shortestSleep, due * 1000);
  }

  function unread(error: unknown): number {
    deps.log.warn({ err: error }, 'the outbox could not be read');
    return lookEveryMs.server;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const idle = await look().catch(unread);
      await waker.asleep(Math.min(idle, lookEveryMs[deps.database.kind] * (0.9 + Math.random() / 5)));
    }
  }

  const running = run();
  return async (graceMs) => {
    stopping.abort();
    waker.wakeIn(0);
    await running;
    const grace = new AbortController();
    const late = sleep(graceMs, undefined, { signal: grace.signal }).catch(() => undefined);
    await Promise.race([Promise.all(underWay), late]);
    grace.abort();
    cutting.abort(new Error('The server is stopping.'));
    await Promise.all(underWay);
  };
}

/** One attempt at one mail. */
async function deliver(deps: WorkerDeps, send: Mailer, mail: queue.TakenMail, signal: AbortSignal): Promise<void> {
  const stopExtending = keepLease(deps, mail);
  try {
    const letter = await letterFor(deps, mail);
    if (!letter) return await queue.dropMail(deps, mail);
    const { appUrl } = deps.config;
    await send(messageOf(mail.id, deps.config.mail.from, letter.to, mailTextFor(letter, appUrl)), signal);
  } catch (error) {
    return await putBack(deps, mail, error, signal.aborted);
  } finally {
    stopExtending();
  }
  await marked(deps, mail);
}

async function putBack(deps: WorkerDeps, mail: queue.TakenMail, error: unknown, cut: boolean): Promise<void> {
  const why = reasonOf(error);
  const retryIn = cut ? 0 : retryDelay(mail.attempts, error);
  await queue.markFailed(deps, mail, why, retryIn);
  const facts = { mail: mail.id, purpose: mail.purpose, attempts: mail.attempts, why, retry_in: retryIn };
  if (retryIn === undefined) deps.log.error(facts, 'a mail was given up');
  else deps.log.warn(facts, 'a mail could not be sent yet');
}

// The server has it: while the database is away a moment, the mark is worth more than one try.
async function marked(deps: WorkerDeps, mail: queue.TakenMail): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await queue.markSent(deps, mail);
    } catch (error) {
      if (tries === 5) throw error;
      await sleep(tries * 500);
    }
  }
}

function keepLease(deps: WorkerDeps, mail: queue.TakenMail): () => void {
  const extend = () =>
    queue.extendLease(deps, mail).catch((error: unknown) => deps.log.warn({ err: error }, 'a lease was not extended'));
  const timer = setInterval(extend, (queue.leaseSeconds * 1000) / 4).unref();
  return () => clearInterval(timer);
}

/** For the log and the outbox: codes and no sentences, which could repeat an address or more of what was sent. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  type Codes = Partial<Record<'code' | 'originalCode' | 'command' | 'responseCode', unknown>>;
  // The original one is the system's or TLS's own, such as that of a certificate that nobody vouches for.
  const { code, originalCode, command, responseCode } = error as Codes;
  return [error.name, code, originalCode, command, responseCode]
    .filter((part) => part !== undefined)
    .join(' ')
    .slice(0, 200);
}

type Waker = {
  wakeIn(ms: number): void;
  /** Until it is woken, or was since it last slept, or this time has passed. */
  asleep(ms: number): Promise<void>;
};

function createWaker(): Waker {
  let rung = false;
  let wake: () => void = () => undefined;
  return {
    wakeIn(ms) {
      const ring = () => {
        rung = true;
        wake();
      };
      setTimeout(ring, ms).unref();
    },
    async asleep(ms) {
      let timer: NodeJS.Timeout | undefined;
      if (!rung)
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, ms).unref();
        });
      clearTimeout(timer);
      rung = false;
    },
  };
}
