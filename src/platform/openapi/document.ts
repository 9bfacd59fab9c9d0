import { createDocument, type oas31, type ZodOpenApiPathItemObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { BaseDeps, Row } from '../http/endpoint.js';
import { ownVersion } from '../process/version.js';
import { headers } from './headers.js';
import { oauthErrorSchema } from './oauth-responses.js';
import { operationOf } from './operation.js';
import { createProblemResponse, problemExamples, problemSchema } from './problems.js';
import { securitySchemes } from './security.js';

/**
 * The route table as an OpenAPI 3.1 document; the same rows and settings always give the same document.
 * @param publicPath the path below which clients find the rows, or empty
 * @param webhooks what the server sends to others, by name
 */
export function contractOf<Deps extends BaseDeps>(
  rows: Row<Deps>[],
  config: Deps['config'],
  publicPath = '',
  webhooks: Record<string, ZodOpenApiPathItemObject> = {},
): oas31.OpenAPIObject {
  return createDocument({
    openapi: '3.1.1',
    info: { title: 'Gatelatch', version: ownVersion(), description, license: { name: 'MIT', identifier: 'MIT' } },
    // Without a host, so that it fits any host and port.
    servers: [{ url: publicPath || '/' }],
    tags: [...new Set(rows.flatMap(({ tag }) => tag ?? []))].map((name) => ({ name })),
    paths: pathsOf(rows, config),
    webhooks,
    components: {
      schemas: { Problem: problemSchema, OAuthError: oauthErrorSchema },
      headers,
      examples: problemExamples,
      securitySchemes: securitySchemes(rows, config),
    },
  });
}

function pathsOf<Deps extends BaseDeps>(rows: Row<Deps>[], config: Deps['config']): ZodOpenApiPathsObject {
  const problemResponse = createProblemResponse();
  const paths: ZodOpenApiPathsObject = {};
  for (const row of rows)
    paths[row.path] = { ...paths[row.path], [row.method.toLowerCase()]: operationOf(row, config, problemResponse) };
  return paths;
}

const description = `A login API. Sign up or log in for an access token, and send it as \`Authorization: Bearer …\`.

Every refusal is \`application/problem+json\`; programs use its \`code\`. Below \`/oauth/\` it is what RFC 6749 §5.2
says, with \`error\`. An unlisted path is 404
\`not_found\`; a listed path with another method is 405 \`method_not_allowed\`. HEAD works wherever GET does.`;
