import { readFileSync } from 'node:fs';
import { createDocument, type oas31, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { AnyRoute } from '../../endpoint.js';
import { headers } from './headers.js';
import { operationOf } from './operation.js';
import { createProblemResponse, problemExamples, problemSchema } from './problems.js';
import { type ContractSettings, securitySchemes } from './security.js';

/**
 * The route table as an OpenAPI 3.1 document: the same for the same rows and settings, whenever and wherever it is made.
 */
export function contractOf(rows: AnyRoute[], settings: ContractSettings): oas31.OpenAPIObject {
  return createDocument({
    openapi: '3.1.1',
    info: { title: 'Gatelatch', version: version(), description, license: { name: 'MIT', identifier: 'MIT' } },
    // Relative, so that it holds on whichever host and port it is read.
    servers: [{ url: '/' }],
    tags: [...new Set(rows.flatMap(({ tag }) => tag ?? []))].map((name) => ({ name })),
    paths: pathsOf(rows, settings),
    components: {
      schemas: { Problem: problemSchema },
      headers,
      examples: problemExamples,
      securitySchemes: securitySchemes(settings),
    },
  });
}

function pathsOf(rows: AnyRoute[], settings: ContractSettings): ZodOpenApiPathsObject {
  const problemResponse = createProblemResponse();
  const paths: ZodOpenApiPathsObject = {};
  for (const row of rows)
    paths[row.path] = { ...paths[row.path], [row.method.toLowerCase()]: operationOf(row, settings, problemResponse) };
  return paths;
}

/** That of the release, which is what a client can be told to be written against. */
function version(): string {
  return JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')).version;
}

const description = `A login API. Sign up or log in for an access token, and send it as \`Authorization: Bearer …\`.

Every refusal is \`application/problem+json\`; programs look at its \`code\`. A path that is not listed is 404
\`not_found\`; one that is, by another method, 405 \`method_not_allowed\`. HEAD is answered wherever GET is.`;
