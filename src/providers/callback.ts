import type { Config } from '../config.js';

/**
 * The URL of ours that a provider knows, as URLs are written, so that both requests say the same. Each provider has its
 * own, so that answers can't be mixed up (RFC 9700 §4.4.2).
 */
export function callbackOf({ tokens }: Pick<Config, 'tokens'>, provider: string): string {
  return new URL(`${tokens.issuer}/auth/callback/${provider}`).href;
}
