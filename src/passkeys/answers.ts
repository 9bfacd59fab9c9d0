import { z } from 'zod';

/** What browsers and phones answer: `PublicKeyCredential.toJSON()`. Members that we do not need are dropped. */

const base64url = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[\w-]+$/, 'Must be base64url.');

/** What of it is not needed is dropped. */
const open = { override: { additionalProperties: true } };

// A credential's id has at most 1,023 bytes (WebAuthn §4).
const credentialId = base64url(1364);
const clientDataJSON = base64url(8_192);

export const assertionSchema = z
  .object({
    id: credentialId,
    rawId: credentialId,
    type: z.literal('public-key'),
    response: z
      .object({
        clientDataJSON,
        authenticatorData: base64url(4_096),
        // Of an RSA key of 4,096 bits.
        signature: base64url(683),
        userHandle: base64url(86).nullish(),
      })
      .meta(open),
  })
  .meta({
    ...open,
    id: 'PasskeyAssertion',
    description: 'What `PublicKeyCredential.toJSON()` gives after `navigator.credentials.get`.',
  });

export const assertionExample = {
  id: 'Yk3vJ8xq0ZtLw2sDfGhN5A',
  rawId: 'Yk3vJ8xq0ZtLw2sDfGhN5A',
  type: 'public-key' as const,
  response: {
    clientDataJSON: 'eyJ0eXBlIjoi',
    authenticatorData: 'SZYN5YgO',
    signature: 'MEUCIQDx',
    userHandle: 'AaIDn2bo',
  },
};

export type Assertion = z.output<typeof assertionSchema>;

export const enrolmentSchema = z
  .object({
    id: credentialId,
    rawId: credentialId,
    type: z.literal('public-key'),
    response: z
      .object({
        clientDataJSON,
        attestationObject: base64url(16_384),
        transports: z.array(z.string().max(32)).max(16).default([]),
      })
      .meta(open),
  })
  .meta({
    ...open,
    id: 'PasskeyEnrolment',
    description: 'What `PublicKeyCredential.toJSON()` gives after `navigator.credentials.create`.',
  });

export const enrolmentExample = {
  id: 'Yk3vJ8xq0ZtLw2sDfGhN5A',
  rawId: 'Yk3vJ8xq0ZtLw2sDfGhN5A',
  type: 'public-key' as const,
  response: { clientDataJSON: 'eyJ0eXBlIjoi', attestationObject: 'o2NmbXRk', transports: ['internal'] },
};

export type Enrolment = z.output<typeof enrolmentSchema>;

// An answer from a frame within another site's page is refused: there the user does not see which page they answer.
const clientDataSchema = z.object({
  type: z.string(),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.literal(false).optional(),
  topOrigin: z.undefined().optional(),
});

const challengeSchema = clientDataSchema.pick({ challenge: true });

/** The challenge that was answered, before anything is known of the answer. */
export function challengeIn({ response }: Assertion | Enrolment): string | undefined {
  return challengeSchema.safeParse(parsed(response.clientDataJSON)).data?.challenge;
}

export function isFromOurPage({ response }: Assertion | Enrolment): boolean {
  return clientDataSchema.safeParse(parsed(response.clientDataJSON)).success;
}

function parsed(clientData: string): unknown {
  try {
    return JSON.parse(Buffer.from(clientData, 'base64url').toString());
  } catch {
    return undefined;
  }
}
