import type { Kept, SignedOutReason } from './session.js';
import type { User } from './wire.js';

export type Ended = { ended: SignedOutReason };

const reasons: Record<SignedOutReason, true> = {
  logged_out: true,
  session_revoked: true,
  refresh_token_reused: true,
  invalid_refresh_token: true,
  unauthenticated: true,
};

/**
 * What is stored may be cut off, of another program or of another version: then it counts as nothing.
 * @param cookies whether the tokens are in cookies, not here
 */
export function readStored(text: string | null, cookies: boolean): Kept | Ended {
  const stored = parseJson(text);
  return isEnded(stored) || isKept(stored, cookies) ? stored : { ended: 'logged_out' };
}

export function parseJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}

function isEnded(value: unknown): value is Ended {
  return isObject(value) && isText(value.ended) && Object.hasOwn(reasons, value.ended);
}

function isKept(value: unknown, cookies: boolean): value is Kept {
  return (
    isObject(value) &&
    isUser(value.user) &&
    isText(value.sessionId) &&
    [value.accessToken, value.refreshToken].every((token) => (cookies ? token === undefined : isText(token))) &&
    [value.refreshAt, value.expiresAt, value.refreshExpiresAt].every(isTime)
  );
}

function isUser(value: unknown): value is User {
  return (
    isObject(value) &&
    [value.id, value.username, value.created_at, value.updated_at].every(isText) &&
    (value.email === null || isText(value.email)) &&
    typeof value.email_verified === 'boolean' &&
    Array.isArray(value.roles) &&
    value.roles.every(isText)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

// The range of a Date.
function isTime(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15;
}
