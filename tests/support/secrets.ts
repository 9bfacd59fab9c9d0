import { createHash } from 'node:crypto';
import { textsIn } from './texts-in.js';

/** The known secrets, and a search for them in texts. */
export type Secrets = {
  /** @param what names it in a report, which does not contain the secret */
  add(what: string, secret: string | Buffer | undefined): void;
  /** For text that a test sends as a secret although it is none, such as a username as a password. */
  exempt(text: string): void;
  /** The secrets that a text contains, in any form. */
  foundIn(text: string): string[];
};

// Shorter ones would be found by chance, in ids and hashes.
const shortest = 12;

export function createSecrets(): Secrets {
  const known = new Map<string, { what: string; secret: Buffer }>();
  const exempted = new Set<string>();
  return {
    add(what, secret) {
      const bytes = Buffer.from(secret ?? '');
      if (bytes.length >= shortest && !known.has(bytes.toString('hex')))
        known.set(bytes.toString('hex'), { what, secret: bytes });
    },
    exempt: (text) => void exempted.add(text),
    foundIn: (text) => {
      const looked = [...known.values()]
        .filter(({ secret }) => !exempted.has(secret.toString()))
        .flatMap(({ what, secret }) => formsOf(secret).map(([name, form]) => ({ as: `${what}, ${name}`, form })));
      const found = textsIn(
        text,
        looked.map(({ form }) => form),
      );
      return looked.filter(({ form }) => found.has(form)).map(({ as }) => as);
    },
  };
}

/** Every form in which bytes may be in a text, by its name. */
function formsOf(secret: Buffer): [name: string, form: string][] {
  const hex = secret.toString('hex');
  const forms: [string, string][] = [...encodings(secret), ['in hex', hex], ['in capital hex', hex.toUpperCase()]];
  const text = secret.toString();
  if (!Buffer.from(text).equals(secret)) return forms;
  return [
    ...forms,
    ['as it is', text],
    ['in lower case', text.toLowerCase()],
    ['in JSON', JSON.stringify(text).slice(1, -1)],
    ['in JSON within JSON', JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1)],
    ['in a URL', encodeURIComponent(text)],
    ['in a form', new URLSearchParams({ x: text }).toString().slice(2)],
    // A fast hash of a chosen password is a leak too. Of our own random tokens the database may keep SHA-256.
    ...(isRandom(text) ? [] : fastHashes(secret)),
  ];
}

/** Base64 of the secret at any position in a longer text, without the characters that its neighbours influence. */
function encodings(secret: Buffer): [string, string][] {
  return [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), secret]);
    const [from, to] = [Math.ceil((before * 8) / 6), Math.floor((padded.length * 8) / 6)];
    return (['base64', 'base64url'] as const).map((name): [string, string] => [
      `in ${name}`,
      padded.toString(name).slice(from, to),
    ]);
  });
}

function fastHashes(secret: Buffer): [string, string][] {
  return ['md5', 'sha1', 'sha256'].flatMap((algorithm) => {
    const digest = createHash(algorithm).update(secret).digest();
    return (['hex', 'base64', 'base64url'] as const).map((form): [string, string] => [
      `as ${algorithm} in ${form}`,
      digest.toString(form).replace(/=+$/, ''),
    ]);
  });
}

/** Whether our server made it: a mailed, refresh, device or login token, a JWT, or a recovery code without its hyphens. */
function isRandom(text: string): boolean {
  return /^[\w.-]{43,}$|^[0-9A-Z]{24}$/.test(text);
}
