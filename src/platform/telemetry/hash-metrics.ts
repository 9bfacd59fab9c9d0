import { Counter, Histogram, type Registry } from 'prom-client';
import type { AddressKey } from '../address-key.js';
import type { Expense, Gate, Turn } from '../process/gate.js';
import { gaugeOf } from './gauge.js';

export type HashMetrics = {
  /** The same gate with metrics. @param limits the gate's limits, shown for comparison */
  observing(gate: Gate, limits: { concurrency: number; queueLimit: number }): Gate;
};

// A hash at the default cost takes 20 ms on a free core, an imported one up to a second; the longest wait is 2.5 s.
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export function createHashMetrics(registry: Registry): HashMetrics {
  const registers = [registry];
  const hashes = new Counter({
    name: 'gatelatch_hashes_total',
    help: 'Password hashes requested: done, failed, or refused (overloaded).',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of ['done', 'failed', 'refused']) hashes.inc({ outcome }, 0);
  const durations = new Histogram({
    name: 'gatelatch_hash_duration_seconds',
    help: 'How long a password hash took, without the wait.',
    buckets,
    registers,
  });
  const waits = new Histogram({
    name: 'gatelatch_hash_wait_seconds',
    help: 'How long a password hash waited until it started or was refused.',
    buckets: [0.001, ...buckets],
    registers,
  });

  async function observed<T>(gate: Gate, address: AddressKey, work: () => Promise<T>, turn?: Turn): Promise<T> {
    const endWait = waits.startTimer();
    let outcome = 'refused';
    try {
      const result = await gate.run(
        address,
        () => {
          endWait();
          outcome = 'failed';
          return timed(durations, work);
        },
        turn,
      );
      outcome = 'done';
      return result;
    } finally {
      if (outcome === 'refused') endWait();
      hashes.inc({ outcome });
    }
  }

  function announced(gate: Gate, address: AddressKey, expense: Expense): () => void {
    try {
      return gate.announce(address, expense);
    } catch (error) {
      waits.observe(0);
      hashes.inc({ outcome: 'refused' });
      throw error;
    }
  }

  return {
    observing(gate, limits) {
      describeGate(registry, gate, limits);
      return {
        run: (address, work, turn) => observed(gate, address, work, turn),
        announce: (address, expense) => announced(gate, address, expense),
        stats: gate.stats,
      };
    },
  };
}

async function timed<T>(durations: Histogram, work: () => Promise<T>): Promise<T> {
  const end = durations.startTimer();
  try {
    return await work();
  } finally {
    end();
  }
}

function describeGate(
  registry: Registry,
  gate: Gate,
  { concurrency, queueLimit }: { concurrency: number; queueLimit: number },
): void {
  const gauge = (name: string, help: string, read: () => number) => gaugeOf(registry, name, help, read);
  gauge('gatelatch_hashes_running', 'Password hashes that run now.', () => gate.stats().running);
  gauge('gatelatch_hashes_running_max', 'How many may run at once.', () => concurrency);
  gauge('gatelatch_hash_queue_depth', 'Password hashes that wait for their turn.', () => gate.stats().queued);
  gauge('gatelatch_hash_queue_depth_max', 'How many may wait.', () => queueLimit);
}
