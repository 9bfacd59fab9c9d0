import { z } from 'zod';
import type { ZodOpenApiResponseObject } from 'zod-openapi';
import { codeOnTheWire, type ErrorCode, errorCatalogue, oauthErrors } from '../../errors.js';
import { problemHeaders } from './headers.js';

export const oauthErrorSchema = z
  .object({
    error: z.enum(oauthErrors).meta({ description: 'For programs.' }),
    error_description: z
      .string()
      .regex(/^[ !#-[\]-~]+$/)
      .meta({ description: 'For people, about this case.' }),
    request_id: z.uuid().meta({ description: 'The same as `X-Request-Id`.' }),
  })
  .meta({
    id: 'OAuthError',
    description: 'A refusal (RFC 6749 §5.2).',
    example: {
      error: 'invalid_client',
      error_description: 'Wrong client or secret.',
      request_id: '7f0e2f0c-3d7e-4c1b-9d3c-5b0a4b1f6a52',
    },
  });

/** A refusal of a row that speaks OAuth. */
export function oauthResponse(status: number, codes: ErrorCode[]): ZodOpenApiResponseObject {
  return {
    description: codes.map((code) => `\`${codeOnTheWire(code)}\`: ${errorCatalogue[code].title}.`).join('\n\n'),
    headers: problemHeaders(status, codes),
    content: { 'application/json': { schema: { $ref: '#/components/schemas/OAuthError' } } },
  };
}
