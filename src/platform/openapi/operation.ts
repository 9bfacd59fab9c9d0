import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiResponseObject, ZodOpenApiResponsesObject } from 'zod-openapi';
import { errorCatalogue } from '../../errors.js';
import { withoutDefault } from '../http/body-fields.js';
import type { BaseDeps, Row } from '../http/endpoint.js';
import { tokensOf } from '../http/tokens-of-row.js';
import { replyHeaders } from './headers.js';
import { oauthResponse } from './oauth-responses.js';
import type { ProblemResponse } from './problems.js';
import { refusalsOf } from './refusals.js';
import { securityOf } from './security.js';

const idSchema = z.uuid().meta({ example: '01a203a4-7c1e-7d3b-9a52-3f0c6c1f2a10' });

const nameSchema = z.string().meta({ example: 'google' });

export function operationOf<Deps extends BaseDeps>(
  row: Row<Deps>,
  config: Deps['config'],
  problemResponse: ProblemResponse,
): ZodOpenApiOperationObject {
  const { name, summary, body, form } = row.endpoint;
  return {
    operationId: name,
    ...(row.tag !== undefined && { tags: [row.tag] }),
    summary,
    ...descriptionOf(row),
    security: securityOf(row, config),
    ...(row.acr !== undefined && { 'x-acr': row.acr }),
    ...(row.maxAge !== undefined && { 'x-max-age': row.maxAge }),
    ...(row.permission !== undefined && { 'x-permission': row.permission }),
    ...(tokensOf(row) !== undefined && { 'x-tokens': tokensOf(row) }),
    ...parametersOf(row),
    ...(body && {
      requestBody: {
        required: !(body instanceof z.ZodDefault),
        content: {
          [form ? 'application/x-www-form-urlencoded' : 'application/json']: contentOf(withoutDefault(body)),
        },
      },
    }),
    responses: { ...replyOf(row), ...refusedOf(row, problemResponse) },
  };
}

function descriptionOf<Deps extends BaseDeps>(row: Row<Deps>): { description?: string } {
  const { role, guard, limits } = row;
  const sentences = [
    ...needsOf(row),
    ...(role === undefined ? [] : [`Needs the role \`${role}\`.`]),
    ...(guard.note === undefined ? [] : [guard.note]),
    ...(limits.length === 0 ? [] : ['Rate limited: see `RateLimit` and `RateLimit-Policy`.']),
  ];
  return sentences.length > 0 ? { description: sentences.join(' ') } : {};
}

function needsOf<Deps extends BaseDeps>(row: Row<Deps>): string[] {
  const { permission, guard } = row;
  const takesKeys = tokensOf(row) === 'any' && guard.keySchemes !== undefined;
  if (permission !== undefined)
    return [`Needs the permission \`${permission}\`${takesKeys ? '; an API key that has it will do' : ''}.`];
  return takesKeys ? ['Any access token or API key will do.'] : [];
}

function parametersOf<Deps extends BaseDeps>({
  path,
  endpoint: { query },
}: Row<Deps>): Pick<ZodOpenApiOperationObject, 'requestParams'> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const inPath =
    names.length > 0
      ? {
          path: z.object(
            Object.fromEntries(names.map((name) => [name, /^(\w+_)?id$/.test(name) ? idSchema : nameSchema])),
          ),
        }
      : undefined;
  return inPath || query ? { requestParams: { ...inPath, ...(query && { query }) } } : {};
}

function replyOf<Deps extends BaseDeps>(row: Row<Deps>): ZodOpenApiResponsesObject {
  const { reply, creates, etag, summary, returns = `${summary}.` } = row.endpoint;
  const [status, body] = reply;
  const response: ZodOpenApiResponseObject = { description: returns, headers: replyHeaders(row) };
  if (typeof body === 'string') response.content = { [body]: { schema: { type: 'string' } } };
  else if (body) response.content = { 'application/json': contentOf(body) };
  if (etag) return { [status]: response, 304: { description: 'You have it already.', headers: replyHeaders(row) } };
  if (!creates) return { [status]: response };
  const [made, brings] = creates;
  const created = { description: brings, headers: replyHeaders(row), content: { 'application/json': contentOf(made) } };
  return { [status]: response, 201: created };
}

function contentOf(schema: z.ZodType) {
  const example = schema.meta()?.example;
  return { schema, ...(example !== undefined && { example }) };
}

function refusedOf<Deps extends BaseDeps>(row: Row<Deps>, problemResponse: ProblemResponse): ZodOpenApiResponsesObject {
  const codes = refusalsOf(row);
  const statuses = [...new Set(codes.map((code) => errorCatalogue[code].status))];
  // Before any row is chosen, headers are read.
  const speaksOAuth = (status: number) => row.endpoint.form === 'oauth' && status !== 431;
  const responses = statuses.map((status): [number, ZodOpenApiResponseObject] => {
    const ofStatus = codes.filter((code) => errorCatalogue[code].status === status);
    const problem = problemResponse(status, ofStatus);
    if (!speaksOAuth(status)) return [status, problem];
    const refusal = oauthResponse(status, ofStatus);
    // What is no HTTP is refused before any row is chosen, too.
    return [status, status === 400 ? { ...refusal, content: { ...refusal.content, ...problem.content } } : refusal];
  });
  // A request that is too slow is refused before any route sees it.
  return Object.fromEntries([...responses, [408, problemResponse(408, ['invalid_request'])]]);
}
