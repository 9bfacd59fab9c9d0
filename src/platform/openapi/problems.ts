import { z } from 'zod';
import type { oas31, ZodOpenApiResponseObject } from 'zod-openapi';
import { codeOnTheWire, type ErrorCode, errorCatalogue } from '../../errors.js';
import { problemHeaders } from './headers.js';

const codes = Object.keys(errorCatalogue) as ErrorCode[];

export const problemSchema = z
  .object({
    type: z.string().regex(/^urn:gatelatch:problem:[a-z_]+$/),
    title: z.string().meta({ description: 'For people.' }),
    status: z.int(),
    detail: z.string().meta({ description: 'For people, about this case.' }),
    code: z
      .enum([...new Set(codes.map(codeOnTheWire))])
      .meta({ description: 'For programs. Its meaning never changes.' }),
    request_id: z.uuid().meta({ description: 'The same as `X-Request-Id`.' }),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'What is wrong with the input, and where. Only with `validation_failed`.' }),
    scope: z.string().optional().meta({
      description: 'The permission that is missing. Only with `forbidden`, where it is one.',
    }),
    acr_values: z.string().optional().meta({
      description: 'How strong the sign-in must be. Only with `insufficient_user_authentication`.',
    }),
    max_age: z.int().optional().meta({
      description: 'How old the sign-in may be, in seconds. Only with `insufficient_user_authentication`.',
    }),
    login_token: z.string().optional().meta({
      description: 'Stands for the first factor. Only with `second_factor_required`, as `methods`.',
    }),
    expires_in: z.int().optional().meta({ description: 'How long the login token or link token is good, in seconds.' }),
    methods: z
      .array(z.enum(['totp', 'passkey', 'recovery_code']))
      .optional()
      .meta({ description: 'The second factors that this user has.' }),
    link_token: z.string().optional().meta({
      description: 'Stands for the person at the provider. Only with `link_required`.',
    }),
  })
  .meta({ id: 'Problem', description: 'A refusal (RFC 9457).' });

export const problemExamples: Record<string, oas31.ExampleObject> = Object.fromEntries(
  codes.map((code) => [code, { summary: errorCatalogue[code].title, value: exampleOf(code) }]),
);

function exampleOf(code: ErrorCode): z.infer<typeof problemSchema> {
  const { status, title } = errorCatalogue[code];
  const name = codeOnTheWire(code);
  return {
    type: `urn:gatelatch:problem:${name}`,
    title,
    status,
    detail: `${title}.`,
    code: name,
    request_id: '7f0e2f0c-3d7e-4c1b-9d3c-5b0a4b1f6a52',
    ...(code === 'forbidden' && { detail: 'You lack users:read.', scope: 'users:read' }),
    ...(code === 'insufficient_user_authentication' && { acr_values: 'aal2', max_age: 900 }),
    ...(code === 'second_factor_required' && {
      login_token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo',
      expires_in: 300,
      methods: ['totp' as const, 'recovery_code' as const],
    }),
    ...(code === 'link_required' && { link_token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo', expires_in: 600 }),
    ...(code === 'validation_failed' && { errors: [{ path: 'username', message: 'Use 3 to 32 characters.' }] }),
  };
}

export type ProblemResponse = (status: number, codes: ErrorCode[]) => ZodOpenApiResponseObject;

/** Per document: equal refusals share one component. */
export function createProblemResponse(): ProblemResponse {
  const made = new Map<string, ZodOpenApiResponseObject>();
  return (status, codes) => {
    const id = `${status}_${codes.join('_or_')}`;
    const response = made.get(id) ?? problemResponse(id, status, codes);
    made.set(id, response);
    return response;
  };
}

function problemResponse(id: string, status: number, codes: ErrorCode[]): ZodOpenApiResponseObject {
  return {
    id,
    description: codes.map((code) => `\`${codeOnTheWire(code)}\`: ${errorCatalogue[code].title}.`).join('\n\n'),
    headers: problemHeaders(status, codes),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            { type: 'object', properties: { status: { const: status }, code: { enum: codes.map(codeOnTheWire) } } },
          ],
        },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}
