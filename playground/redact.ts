const password = /("(?:\w+_)?password":\s*")(?:[^"\\]|\\.)*"/g;
const secret = /("(?:secret|uri|qr_svg)":\s*")(?:[^"\\]|\\.)*"/g;
// Of an app or for recovery, not the code of a refusal.
const oneTimeCode = /"(?:\d{3} ?\d{3}|(?:[\dA-Z]{4}-?){6})"/g;
const token = /[\w-]{12}[\w.-]{28,}/g;

/** The text without the passwords, codes and secrets of second factors in its JSON. */
export function withoutPasswords(text: string): string {
  return text.replace(password, '$1…"').replace(secret, '$1…"').replace(oneTimeCode, '"…"');
}

/** The text without passwords, and with only the ends of tokens. */
export function redacted(text: string): string {
  return withoutPasswords(text).replace(token, (whole) => `${whole.slice(0, 10)}…${whole.slice(-6)}`);
}
