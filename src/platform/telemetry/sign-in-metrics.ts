import { Counter, type Registry } from 'prom-client';

export type SignInMetrics = {
  /** @param amr how the user proved who they are, as in the token */
  started(session: { acr: string; amr: string[] }): void;
  refused(factor: 'code' | 'passkey'): void;
};

export function createSignInMetrics(registry: Registry): SignInMetrics {
  const registers = [registry];
  const sessions = new Counter({
    name: 'gatelatch_sessions_started_total',
    help: 'Sessions started by a sign-in or sign-up: how strong, and how the users proved who they are.',
    labelNames: ['acr', 'amr'],
    registers,
  });
  const refusals = new Counter({
    name: 'gatelatch_factor_refusals_total',
    help: 'Wrong codes and refused passkeys, at a sign-in or step-up. A wrong code comes after a right password.',
    labelNames: ['factor'],
    registers,
  });
  for (const factor of ['code', 'passkey']) refusals.inc({ factor }, 0);
  return {
    started: ({ acr, amr }) => sessions.inc({ acr, amr: amr.join(' ') }),
    refused: (factor) => refusals.inc({ factor }),
  };
}
