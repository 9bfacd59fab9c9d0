import { z } from 'zod';
import { emailSchema, objectionToDomain, rolesSchema, usernameSchema } from '../users/fields.js';
import { readDate } from './dates.js';
import type { ForeignUser, UserLine } from './import.js';
import { methodFields, namedIdentities, objectionToMethods, sealedSchema } from './methods.js';
import type { LineBox } from './sealed.js';
import { withFittingUsername } from './usernames.js';

// Room for twenty passkeys and what is sealed.
const MAX_LINE_LENGTH = 65_536;

/** One line of a users file (JSON Lines); docs/importing-users.md describes it. */
const lineSchema = z
  .strictObject({
    username: usernameSchema,
    kind: z.enum(['person', 'service']).default('person'),
    email: emailSchema.nullish(),
    email_verified: z.boolean().default(false),
    password_hash: z.string().min(1).max(1024).nullish(),
    roles: rolesSchema.default([]),
    disabled: z.boolean().default(false),
    created_at: z
      .union([z.string(), z.number()])
      .transform(readDate)
      .refine((date) => date !== undefined, 'A date such as 2021-03-04T05:06:07Z.')
      .refine((date) => !date || isPast(date), 'A time from 1970 to now.')
      .nullish(),
    ...methodFields,
  })
  .refine(({ email, email_verified }) => email || !email_verified, {
    path: ['email_verified'],
    message: 'There is no e-mail to verify.',
  });

// A day of tolerance for the other system's clock.
function isPast(date: Date): boolean {
  return date.getTime() >= 0 && date.getTime() <= Date.now() + 86_400_000;
}

type Reading = {
  /** Makes a whole hash of a shortened one. */
  complete?: ((hash: string) => string) | undefined;
  /** The domains without a dot that addresses may have. */
  localDomains?: string[];
  /** Makes a username of one that does not fit, and hears of it. */
  onDerived?: ((line: number, user: ForeignUser) => void) | undefined;
  /** Opens what is sealed. */
  box?: LineBox | undefined;
  /** That are set. */
  providers?: { name: string; issuer: string }[];
};

/** Empty lines are counted and skipped. */
export async function* readUserLines(
  lines: AsyncIterable<string>,
  { complete = (hash) => hash, localDomains = [], onDerived, box, providers = [] }: Reading = {},
): AsyncGenerator<UserLine> {
  let line = 0;
  for await (const text of lines) {
    line += 1;
    const isTooLong = text.length > MAX_LINE_LENGTH;
    if (!isTooLong && text.trim() === '') continue;
    const read = isTooLong
      ? `Longer than ${MAX_LINE_LENGTH} characters.`
      : readUser(text, { localDomains, derive: onDerived !== undefined, box, providers });
    if (typeof read === 'string') {
      yield { line, reason: read };
      continue;
    }
    const { user, isDerived } = read;
    if (isDerived) onDerived?.(line, user);
    yield { line, user: user.passwordHash === null ? user : { ...user, passwordHash: complete(user.passwordHash) } };
  }
}

/** The user, or the reason for a refusal. It quotes no value, because any value may be a hash. */
function readUser(
  text: string,
  {
    localDomains,
    derive,
    box,
    providers,
  }: Required<Pick<Reading, 'localDomains' | 'providers'>> & {
    derive: boolean;
    box: LineBox | undefined;
  },
): { user: ForeignUser; isDerived: boolean } | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return 'Not a whole JSON object on one line.';
  }
  const fitting = derive ? withFittingUsername(json) : json;
  const { success, data, error } = lineSchema.safeParse(fitting);
  if (!success) return error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ');
  const { username, email = null, email_verified, password_hash, roles, disabled, created_at } = data;
  const opened = openSealed(data.sealed, json, box);
  if (typeof opened === 'string') return opened;
  const typo = email === null ? undefined : objectionToDomain(email, localDomains);
  if (typo) return `email: ${typo}`;
  const user = {
    username,
    kind: data.kind,
    email,
    emailVerified: email_verified,
    passwordHash: password_hash ?? null,
    roles: [...new Set(roles)],
    disabled,
    createdAt: created_at ?? null,
    totp: [...data.totp, ...opened.totp],
    passkeys: data.passkeys,
    identities: namedIdentities(data.identities, providers),
    recoveryCodes: opened.recovery_codes,
    secondFactor: data.second_factor ?? (data.totp.length + opened.totp.length > 0 ? 'any' : 'off'),
  } satisfies ForeignUser;
  const objection = user.kind === 'service' ? objectionToService(user) : objectionToMethods(user);
  return objection ?? { user, isDerived: fitting !== json };
}

/** A machine has a name and roles; its keys are made anew. */
function objectionToService(user: ForeignUser): string | undefined {
  const { email, passwordHash, totp, passkeys, identities, recoveryCodes } = user;
  const lists = [totp, passkeys, identities, recoveryCodes];
  const hasNone = email === null && passwordHash === null && lists.every((list) => list.length === 0);
  return hasNone && user.secondFactor === 'off'
    ? undefined
    : 'kind: A service user has no e-mail, no password and no other method to sign in.';
}

/** What is sealed of a line, or the reason for a refusal. */
function openSealed(sealed: string | undefined, line: unknown, box: LineBox | undefined) {
  if (sealed === undefined) return { totp: [], recovery_codes: [] };
  if (!box) return 'sealed: To read it, add --open <key file>.';
  // As it was exported, also where another username is derived from it.
  const { data } = sealedSchema.safeParse(box.open(sealed, String((line as { username?: unknown }).username)));
  return data ?? 'sealed: The key file does not open it.';
}

/** @param box seals what is secret; without it that is left out */
export function userLine(user: ForeignUser, box?: LineBox): string {
  const { username, kind, email, emailVerified, passwordHash, roles, disabled, createdAt } = user;
  const { passkeys, identities, secondFactor } = user;
  const hasMethods = passkeys.length > 0 || user.totp.length > 0 || secondFactor !== 'off';
  const line: z.input<typeof lineSchema> = {
    username,
    ...(kind === 'service' && { kind }),
    ...(email !== null && { email, email_verified: emailVerified }),
    ...(passwordHash !== null && { password_hash: passwordHash }),
    roles,
    disabled,
    created_at: createdAt?.toISOString(),
    ...(passkeys.length > 0 && { passkeys }),
    ...(identities.length > 0 && { identities }),
    ...(hasMethods && { second_factor: secondFactor }),
    ...(box && { sealed: box.seal(user, username) }),
  };
  return `${JSON.stringify(line)}\n`;
}

/** A line is cut one character above `MAX_LINE_LENGTH`, so that a file without line ends cannot fill the memory. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  // It drops a byte order mark at the start.
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const [first = '', ...more] = decoder.decode(chunk, { stream: true }).split('\n');
    rest = (rest + first).slice(0, MAX_LINE_LENGTH + 1);
    for (const next of more) {
      yield withoutReturn(rest);
      rest = next.slice(0, MAX_LINE_LENGTH + 1);
    }
  }
  rest = (rest + decoder.decode()).slice(0, MAX_LINE_LENGTH + 1);
  if (rest !== '') yield withoutReturn(rest);
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
