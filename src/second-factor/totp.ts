import { randomBytes } from 'node:crypto';
import { Secret, TOTP, URI } from 'otpauth';

/** What every authenticator app can do (RFC 6238 with its defaults). */
const form = { algorithm: 'SHA1', digits: 6, period: 30 } as const;

/** RFC 4226 §4 recommends 160 bits. */
const secretBytes = 20;

export function newTotpSecret(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(randomBytes(secretBytes));
}

/** For people who type the secret into their app. */
export function totpSecretText(secret: Uint8Array): string {
  return secretOf(secret).base32;
}

/** What an authenticator app reads from the QR code. */
export function totpUri(secret: Uint8Array, issuer: string, username: string): string {
  return new TOTP({ ...form, secret: secretOf(secret), issuer, label: username }).toString();
}

/** The six digits that were typed, perhaps in groups; undefined for anything else. */
export function totpDigits(code: string): string | undefined {
  const digits = code.replace(/\s/g, '');
  return /^[0-9]{6}$/.test(digits) ? digits : undefined;
}

/** The step whose code this is: that of `nowSeconds`, the one before or the one after. It never throws. */
export function matchingStep(secret: Uint8Array, code: string, nowSeconds: number): number | undefined {
  const token = totpDigits(code);
  if (token === undefined) return undefined;
  const timestamp = nowSeconds * 1000;
  const delta = TOTP.validate({ ...form, secret: secretOf(secret), token, timestamp, window: 1 });
  return delta === null ? undefined : TOTP.counter({ period: form.period, timestamp }) + delta;
}

/** Other systems made secrets of 80 bits for years; longer than SHA-1's block is of no use (RFC 2104). */
const importedBytes = { least: 10, most: 64 };

/**
 * A secret of another system, as base32 or as the URI of a QR code.
 * @returns undefined for what is neither, and for what {@link matchingStep} could not check
 */
export function importedTotpSecret(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const secret = text.startsWith('otpauth:') ? secretInUri(text) : Secret.fromBase32(text);
    const bytes = secret && Uint8Array.from(secret.bytes);
    return bytes && bytes.length >= importedBytes.least && bytes.length <= importedBytes.most ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function secretInUri(uri: string): Secret | undefined {
  const otp = URI.parse(uri);
  const fits = otp instanceof TOTP && otp.algorithm === form.algorithm && otp.digits === form.digits;
  return fits && otp.period === form.period ? otp.secret : undefined;
}

/** A copy, because a Buffer may be a part of a larger one. */
function secretOf(secret: Uint8Array): Secret {
  return new Secret({ buffer: Uint8Array.from(secret).buffer });
}
