import { z } from 'zod';
import { textSchema } from '../platform/http/fields.js';
import { isAskable, mostPublicKeyBytes, type SecondFactor, secondFactors } from '../second-factor/methods.js';
import { importedTotpSecret } from '../second-factor/totp.js';

type ForeignTotp = { secret: Uint8Array; name: string };

/** Bytes are base64url. */
type ForeignPasskey = z.infer<typeof passkeySchema>;

/** Issuer and subject say who it is; the provider is a name for people. */
type ForeignIdentity = { issuer: string; subject: string; provider: string };

/** What a user signs in with besides the password. */
export type ForeignMethods = {
  totp: ForeignTotp[];
  passkeys: ForeignPasskey[];
  identities: ForeignIdentity[];
  /** SHA-256, as hex; of another Gatelatch alone. */
  recoveryCodes: string[];
  secondFactor: SecondFactor;
};

const name = textSchema(1, 64);

const totpSchema = z
  .strictObject({
    secret: z
      .string()
      .max(2_000)
      .transform(importedTotpSecret)
      .refine((secret) => secret !== undefined, 'Base32 or an otpauth URI, of SHA-1, 6 digits and 30 seconds.'),
    name: name.default('Authenticator'),
  })
  .transform(({ secret, ...rest }) => ({ ...rest, secret: secret ?? new Uint8Array() }));

function base64url(least: number, most: number) {
  return z
    .string()
    .max(2 * most)
    .refine((text) => {
      const bytes = Buffer.from(text, 'base64url');
      return bytes.toString('base64url') === text && bytes.length >= least && bytes.length <= most;
    }, `Base64url of ${least} to ${most} bytes, without padding.`);
}

const passkeySchema = z.strictObject({
  credential_id: base64url(1, 1_023),
  // COSE is a CBOR map.
  public_key: base64url(1, mostPublicKeyBytes).refine(
    (text) => ((Buffer.from(text, 'base64url')[0] ?? 0) & 0xe0) === 0xa0,
    'COSE.',
  ),
  counter: z.int().min(0).max(0xffff_ffff),
  user_handle: base64url(1, 64),
  rp_id: z.string().regex(/^[a-z0-9.-]{1,253}$/, 'A host name.'),
  transports: z
    .array(z.string().regex(/^[a-z-]{1,32}$/))
    .max(10)
    .default([]),
  synced: z.boolean().default(false),
  name: name.default('Passkey'),
});

const identitySchema = z.strictObject({
  issuer: z
    .string()
    .refine((url) => /^https?:\/\/[^\s?#@]{1,500}$/.test(url) && URL.canParse(url), 'The URL of the issuer.'),
  // OpenID Connect Core §2.
  subject: z.string().regex(/^\P{C}{1,255}$/u, '1 to 255 characters.'),
  provider: z
    .string()
    .regex(/^[a-z][a-z\d_.-]{0,63}$/, 'A name of PROVIDERS.')
    .optional(),
});

const totpsSchema = z.array(totpSchema).max(5, 'At most 5.');

/** The fields of a line. */
export const methodFields = {
  totp: totpsSchema.default([]),
  passkeys: z.array(passkeySchema).max(20, 'At most 20.').default([]),
  identities: z.array(identitySchema).max(10, 'At most 10.').default([]),
  second_factor: z.enum(secondFactors).optional(),
  sealed: z.string().max(16_384).optional(),
};

/** What is sealed of a line. */
export const sealedSchema = z.strictObject({
  totp: totpsSchema,
  recovery_codes: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(10),
});

/** @param providers that are set: one with that issuer gives an identity its name, where the line has none */
export function namedIdentities(
  identities: z.infer<typeof identitySchema>[],
  providers: { name: string; issuer: string }[],
): ForeignIdentity[] {
  return identities.map(({ issuer, subject, provider }) => {
    const set = providers.find((one) => one.issuer === issuer);
    return { issuer, subject, provider: provider ?? set?.name ?? new URL(issuer).hostname };
  });
}

type Facts = ForeignMethods & { email: string | null; emailVerified: boolean; passwordHash: string | null };

/** Why a user could not sign in as the line says, or could be another person. */
export function objectionToMethods(user: Facts): string | undefined {
  const { totp, passkeys, identities, recoveryCodes, secondFactor, email, emailVerified, passwordHash } = user;
  const count = totp.length + passkeys.length + identities.length;
  if (totp.length > 5) return 'totp: At most 5.';
  // Each code would be good once for each of them.
  if (new Set(totp.map(({ secret }) => Buffer.from(secret).toString('hex'))).size < totp.length)
    return 'totp: One secret twice.';
  if (count > 0 && email !== null && !emailVerified)
    return 'email_verified: Needed: a user with totp, passkeys or identities has a verified e-mail, or none.';
  if (email === null && passwordHash === null && passkeys.length + identities.length === 0)
    return 'password_hash: Needed: without an e-mail the user could not choose a password by mail.';
  const counts = { totps: totp.length, passkeys: passkeys.length, recoveryCodes: recoveryCodes.length };
  if (isAskable(counts, secondFactor)) return undefined;
  if (secondFactor === 'any')
    return 'second_factor: There is nothing to ask for. Import the file with --open, or set it to off.';
  return 'second_factor: This needs two passkeys, or one and recovery codes in a sealed line.';
}
