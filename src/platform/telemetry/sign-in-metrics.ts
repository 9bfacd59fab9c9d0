import { Counter, type Registry } from 'prom-client';

type ProviderOutcome =
  | 'signed_in'
  | 'signed_up'
  | 'second_factor_required'
  | 'link_required'
  | 'refused'
  | 'access_denied'
  | 'external_login_failed'
  | 'provider_unavailable';

export type SignInMetrics = {
  /** @param amr how the user proved who they are, as in the token */
  started(session: { acr: string; amr: string[] }): void;
  refused(factor: 'code' | 'passkey'): void;
  /** @param provider a name in the settings, never what a client sent */
  byProvider(provider: string, outcome: ProviderOutcome): void;
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
  const providers = new Counter({
    name: 'gatelatch_provider_sign_ins_total',
    help: 'Sign-ins by a provider, by what became of them.',
    labelNames: ['provider', 'outcome'],
    registers,
  });
  for (const factor of ['code', 'passkey']) refusals.inc({ factor }, 0);
  return {
    started: ({ acr, amr }) => sessions.inc({ acr, amr: amr.join(' ') }),
    refused: (factor) => refusals.inc({ factor }),
    byProvider: (provider, outcome) => providers.inc({ provider, outcome }),
  };
}
