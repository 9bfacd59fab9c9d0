import { z } from 'zod';
import { time } from '../platform/http/fields.js';
import { acrValues } from '../sessions/authentication.js';
import type { ConfirmedTotp } from './enrol.js';
import type { MethodList } from './list.js';
import { secondFactors } from './methods.js';

export const totpExample = {
  id: '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31',
  name: 'Authenticator',
  created_at: '2026-11-22T14:18:48.360Z',
  last_used_at: '2026-11-22T14:18:48.360Z',
};

const listed = {
  id: z.uuid(),
  name: z.string(),
  created_at: time,
  last_used_at: time.nullable(),
};

/** An authenticator app. */
export const totpSchema = z.object(listed).meta({ id: 'Totp', example: totpExample });

export function totpJson({ id, name, createdAt, lastUsedAt }: ConfirmedTotp): z.infer<typeof totpSchema> {
  return { id, name, created_at: createdAt.toISOString(), last_used_at: lastUsedAt?.toISOString() ?? null };
}

export const recoveryCodesSchema = z
  .array(z.string())
  .meta({ description: 'Each is good once. They are told this once.', example: ['7PX4-KD2M-Q9TB-0V3H-WZ6R-8CNF'] });

const listedPasskey = {
  ...listed,
  synced: z.boolean().meta({ description: 'Whether other devices may have it, too.' }),
  aaguid: z.string().nullable().meta({ description: 'The model of its authenticator, as that one says.' }),
  rp_id: z.string(),
};

export const identitySchema = z
  .object({
    id: z.uuid(),
    provider: z.string(),
    email: z.string().nullable().meta({ description: 'What the provider said when it was linked.' }),
    name: z.string().nullable(),
    created_at: time,
    last_used_at: time.nullable(),
  })
  .meta({
    id: 'Identity',
    example: { ...totpExample, provider: 'google', email: 'ada@gmail.com', name: 'Ada Lovelace', last_used_at: null },
  });

const methods = {
  password: z.boolean().meta({ description: 'Whether there is one.' }),
  second_factor: z.enum(secondFactors),
  required_acr: z.enum(acrValues).meta({ description: 'What the server asks of every user.' }),
  totp: z.array(totpSchema),
  recovery_codes: z.object({ left: z.int(), created_at: time }).nullable(),
  identities: z.array(identitySchema),
  trusted_devices: z.array(
    z.object({ created_at: time, expires_at: time, ip: z.string().nullable(), user_agent: z.string().nullable() }),
  ),
  recovery: z.object({ started_at: time, available_at: time }).nullable(),
};

const example = {
  password: true,
  second_factor: 'any' as const,
  required_acr: 'aal1' as const,
  totp: [totpExample],
  passkeys: [],
  recovery_codes: { left: 9, created_at: '2026-11-22T14:18:48.360Z' },
  identities: [],
  trusted_devices: [],
  recovery: null,
};

export const methodsSchema = z
  .object({
    ...methods,
    passkeys: z.array(z.object({ ...listedPasskey, credential_id: z.string() })),
    user_handle: z
      .string()
      .meta({ description: 'For `signalAllAcceptedCredentials`, also after the last passkey is removed.' }),
  })
  .meta({ id: 'SignInMethods', example: { ...example, user_handle: 'AaIDn2bofEycUWpdjw4rMQ' } });

/** Without what serves the user's own browser alone. */
export const adminMethodsSchema = z
  .object({ ...methods, passkeys: z.array(z.object(listedPasskey)) })
  .meta({ id: 'AdminSignInMethods', example });

type Settings = { acr: { required: (typeof acrValues)[number] } };

export function methodsJson(list: MethodList, { acr }: Settings): z.infer<typeof methodsSchema> {
  return { ...list, required_acr: acr.required, recovery: null };
}

export function adminMethodsJson(list: MethodList, settings: Settings): z.infer<typeof adminMethodsSchema> {
  const { user_handle: _, ...rest } = methodsJson(list, settings);
  return { ...rest, passkeys: list.passkeys.map(({ credential_id: _id, ...passkey }) => passkey) };
}
