import type { Mailer } from '../mail/mailer.js';
import type { Gate } from '../process/gate.js';
import type { Tracing } from './tracing.js';

/** A span for the stay in the gate and one below for the hash: the difference is the wait. */
export function tracedGate(gate: Gate, tracing: Tracing): Gate {
  return {
    run: (address, work, turn) =>
      tracing.work('hash gate', () => gate.run(address, () => tracing.work('hash', work), turn)),
    announce: gate.announce,
    stats: gate.stats,
  };
}

export function tracedMailer(send: Mailer, tracing: Tracing): Mailer {
  return (message, signal) => tracing.call('send mail', () => send(message, signal));
}
