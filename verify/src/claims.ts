import type { AccessClaims } from './access-claims.js';
import type { Fields } from './jws.js';
import type { Settings } from './options.js';
import { TokenError } from './refusals.js';

/** In seconds. Gatelatch signs no longer ones. */
const longestLife = 86_400;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isTexts = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === 'string');
const isId = (value: unknown) => typeof value === 'string' && uuid.test(value);
const orNone = (isGood: (value: unknown) => boolean) => (value: unknown) => value === undefined || isGood(value);

/** What tokens and what introspection tells have alike. */
const common: Record<string, (value: unknown) => boolean> = {
  client_id: isText,
  sub: isId,
  sid: isId,
  jti: isText,
  roles: isTexts,
  ver: isNumber,
  iat: isNumber,
  exp: orNone(isNumber),
  scope: orNone((value) => typeof value === 'string'),
  epoch: orNone(isNumber),
  amr: orNone(isTexts),
  acr: orNone(isText),
  auth_time: orNone(isNumber),
};

/**
 * The claims of an access token whose signature is good.
 * @throws TokenError invalid_token
 */
export function claimsOfToken(payload: Fields, settings: Settings): AccessClaims {
  const { client_id, sub, scope, iat, exp, nbf } = payload;
  if (!hasCommon(payload, settings)) throw lacksClaim();
  if (!isNumber(iat) || !isNumber(exp) || exp <= iat || exp - iat > longestLife) throw lacksClaim();
  const latest = (Date.now() + settings.clockTolerance) / 1000;
  if (iat > latest || (nbf !== undefined && !(isNumber(nbf) && nbf <= latest)))
    throw new TokenError('invalid_token', { detail: 'The token is from the future.' });
  // A session's token names the audience as its client; a token that was made from a key names the key's owner.
  const kind = client_id === settings.audience ? 'session' : 'api_key';
  if (kind === 'api_key' && (client_id !== sub || scope === undefined)) throw lacksClaim();
  return finished(payload, kind);
}

/** What introspection tells of an API key. @returns undefined if it is not about one, or incomplete */
export function claimsOfKey(answer: Fields, settings: Settings): AccessClaims | undefined {
  const { active, token_type, username, ...claims } = answer;
  const isWhole = hasCommon(claims, settings) && isText(claims.scope ?? '-') && claims.kind === 'api_key';
  return active === true && isWhole ? finished(claims, 'api_key') : undefined;
}

function hasCommon(fields: Fields, { issuer, audience }: Settings): boolean {
  return (
    fields.iss === issuer &&
    fields.aud === audience &&
    Object.entries(common).every(([name, isGood]) => isGood(Object.hasOwn(fields, name) ? fields[name] : undefined))
  );
}

function finished(fields: Fields, kind: AccessClaims['kind']): AccessClaims {
  const permissions = String(fields.scope ?? '')
    .split(' ')
    .filter((name) => name !== '');
  return frozen({ ...fields, kind, permissions }) as unknown as AccessClaims;
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

function lacksClaim(): TokenError {
  return new TokenError('invalid_token', { detail: 'The token lacks a claim that every token of its issuer has.' });
}
