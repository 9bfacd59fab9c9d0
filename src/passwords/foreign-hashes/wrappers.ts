import { createHash, createHmac } from 'node:crypto';

type Unwrapped = {
  inner: string;
  needsPepper: boolean;
  /** What the other system hashed instead of the password. */
  prepare(password: string, pepper: string): string;
};

type Wrapper = { prefix: RegExp; needsPepper?: true; prepare?: Unwrapped['prepare'] };

/** What other systems write before a hash that is otherwise a usual one. */
const wrappers: Wrapper[] = [
  // Spring Security.
  { prefix: /^\{(?:bcrypt|(?:scrypt|argon2)(?:@\w+)?)\}(?=\$)/ },
  // Django.
  { prefix: /^argon2(?=\$argon2)/ },
  { prefix: /^bcrypt\$(?=\$2)/ },
  // In hexadecimal, because bcrypt stops at a NUL.
  { prefix: /^bcrypt_sha256\$(?=\$2)/, prepare: (password) => createHash('sha256').update(password).digest('hex') },
  // WordPress from 6.8 on: wp_hash_password().
  {
    prefix: /^\$wp(?=\$2)/,
    prepare: (password) => createHmac('sha384', 'wp-sha384').update(phpTrim(password)).digest('base64'),
  },
  // Devise with `config.pepper`.
  { prefix: /^\{devise\}(?=\$2)/, needsPepper: true, prepare: (password, pepper) => password + pepper },
];

function phpTrim(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what PHP's trim() takes away.
  return text.replace(/^[ \t\n\r\0\x0B]+|[ \t\n\r\0\x0B]+$/g, '');
}

/** At most one of them is taken off. */
export function unwrap(hash: string): Unwrapped {
  const wrapper = wrappers.find(({ prefix }) => prefix.test(hash));
  if (!wrapper) return { inner: hash, needsPepper: false, prepare: (password) => password };
  const { prefix, needsPepper = false, prepare = (password: string) => password } = wrapper;
  return { inner: hash.replace(prefix, ''), needsPepper, prepare };
}
