const password = /("(?:\w+_)?password":\s*")(?:[^"\\]|\\.)*"/g;
const token = /[\w-]{12}[\w.-]{28,}/g;

/** The text without the passwords in its JSON. */
export function withoutPasswords(text: string): string {
  return text.replace(password, '$1…"');
}

/** The text without passwords, and with only the ends of tokens. */
export function redacted(text: string): string {
  return withoutPasswords(text).replace(token, (whole) => `${whole.slice(0, 10)}…${whole.slice(-6)}`);
}
