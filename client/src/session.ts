import type { TokenResponse, User } from './wire.js';

/** A session as known here. */
export type Session = {
  user: User;
  sessionId: string;
  /** Only with the bearer transport. */
  accessToken?: string | undefined;
  /** When the access token expires; it is replaced before. */
  expiresAt: Date;
  /** When the session ends without a refresh. */
  refreshExpiresAt: Date;
};

/** Refusals that end the session; after any other failure it stays. */
export const endings = ['session_revoked', 'refresh_token_reused', 'invalid_refresh_token', 'unauthenticated'] as const;

/** Why the user is not signed in any more: `logOut`, or the code of the API's refusal. */
export type SignedOutReason = 'logged_out' | (typeof endings)[number];

/** What is stored. Times are milliseconds since 1970 by this device's clock, the only one that it can read. */
export type Kept = {
  user: User;
  sessionId: string;
  accessToken?: string | undefined;
  refreshToken?: string | undefined;
  ended?: undefined;
  /** When to refresh: chosen once, so that every tab uses the same moment. */
  refreshAt: number;
  expiresAt: number;
  refreshExpiresAt: number;
};

/** What to store of a new answer. */
export function keptOf(answer: TokenResponse): Kept {
  const now = Date.now();
  const life = answer.expires_in * 1000;
  return {
    user: answer.user,
    sessionId: answer.session_id,
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    refreshAt: now + refreshAfter(life),
    expiresAt: now + life,
    refreshExpiresAt: now + answer.refresh_expires_in * 1000,
  };
}

/**
 * Clients that signed in together, for example after a restart, must not come back together: up to two minutes of
 * random spread, then a minute for retries. Tokens that live less than four minutes get less of both.
 */
function refreshAfter(life: number): number {
  return life - Math.min(60_000, life / 10) - Math.random() * Math.min(120_000, life / 2);
}

/** Whether the access token will have expired when a request sent now arrives. */
export function hasExpired({ expiresAt, refreshAt }: Kept): boolean {
  return Date.now() > expiresAt - Math.min(5_000, (expiresAt - refreshAt) / 2);
}

/** Whether both come from the same answer. */
export function isSame(one: Kept | null, other: Kept | null): boolean {
  return (['sessionId', 'expiresAt', 'accessToken'] as const).every((field) => one?.[field] === other?.[field]);
}

export function sessionOf(kept: Kept): Session;
export function sessionOf(kept: Kept | null): Session | null;
export function sessionOf(kept: Kept | null): Session | null {
  if (!kept) return null;
  const { user, sessionId, accessToken } = kept;
  return {
    user,
    sessionId,
    accessToken,
    expiresAt: new Date(kept.expiresAt),
    refreshExpiresAt: new Date(kept.refreshExpiresAt),
  };
}
