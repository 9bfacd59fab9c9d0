import { createHash } from 'node:crypto';
import { textsIn } from './texts-in.js';

/** What must be nowhere but where it belongs, and what finds it there. */
export type Secrets = {
  /** @param what names it in a report, which does not repeat it */
  add(what: string, secret: string | Buffer | undefined): void;
  /** For what a test sends as a secret although it is none, such as a username for a password. */
  exempt(text: string): void;
  /** Those that a text holds, in whatever form. */
  foundIn(text: string): string[];
};

// Shorter ones are found by chance, in ids and hashes.
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

/** Every form in which bytes may lie in a text, by its name. */
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
    // A fast hash of what people choose is as good as the thing itself; of our own tokens the database may keep SHA-256.
    ...(isRandom(text) ? [] : fastHashes(secret)),
  ];
}

/** Base64 as it looks wherever in a longer text the secret begins, without the characters that its neighbours share. */
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

/** Whether it is one of our own making: a mailed, a refresh or a device token, or a JWT. */
function isRandom(text: string): boolean {
  return /^[\w.-]{43,}$/.test(text);
}
