import { endings, type Kept, type SignedOutReason } from './session.js';

export type Ended = { ended: SignedOutReason };

type Unchecked<Type> = { [Field in keyof Type]?: unknown };

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
  return endings.includes(Object(value).ended);
}

function isKept(value: unknown, cookies: boolean): value is Kept {
  const kept: Unchecked<Kept> = Object(value);
  const user: Unchecked<Kept['user']> = Object(kept.user);
  return (
    [kept.sessionId, user.id, user.username, user.created_at, user.updated_at].every(isText) &&
    [kept.accessToken, kept.refreshToken].every((token) => (cookies ? token === undefined : isText(token))) &&
    [kept.refreshAt, kept.expiresAt, kept.refreshExpiresAt].every(isTime) &&
    (user.email === null || isText(user.email)) &&
    typeof user.email_verified === 'boolean' &&
    areTexts(user.roles)
  );
}

export function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

// The range of a Date.
function isTime(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15;
}
