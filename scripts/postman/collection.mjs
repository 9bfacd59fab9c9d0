import { contractTests } from './contract-tests.mjs';
import { requestsOf } from './convert.mjs';
import { idOf } from './ids.mjs';
import { operationIn } from './operation.mjs';
import { keepTokens, renewAccessToken } from './renewal.mjs';
import { eventOf, linesOf } from './script.mjs';
import { story } from './story.mjs';

/** The OpenAPI document as a Postman collection that tells the story. */
export async function collectionOf(document) {
  const requests = await requestsOf(document);
  const itemOf = (step) => itemFor(step, requests.get(step.operation), operationIn(document, step.operation));
  return {
    info: {
      _postman_id: idOf('collection'),
      name: document.info.title,
      description: introduction,
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    item: story([...requests.keys()].filter((operation) => !isStream(document, operation))).map(
      ({ name, about, before, steps }) => ({
        name,
        description: about,
        item: steps.map(itemOf).map((item) => ({ id: idOf(`${name}/${item.name}`), ...item })),
        ...(before && { event: eventOf('prerequest', linesOf(before)) }),
      }),
    ),
    auth: bearer('{{access_token}}'),
    event: eventOf('prerequest', linesOf(renewAccessToken)),
  };
}

/** Postman waits for the end of an answer, and a stream has none. */
function isStream({ paths }, operation) {
  const [found] = Object.values(paths).flatMap((path) =>
    Object.values(path).filter(({ operationId }) => operationId === operation),
  );
  return 'text/event-stream' in (found.responses[200]?.content ?? {});
}

const introduction = `Choose the environment **Gatelatch**, then send the requests from top to bottom, or run the whole
collection: it tells a story from a sign-up to a farewell.

Tokens are kept automatically: you are the user who signed in last. An access token that is about to expire, or that is
missing, is renewed before a request is sent, as long as there is a refresh token.

**Administration** needs an admin of the name and password in the environment: start the server with \`ADMIN_USERNAME\`
and \`ADMIN_PASSWORD\` set to them. Without one it is skipped.

Made from \`/openapi.json\` by \`npm run postman\`; what is changed here is lost at the next generation.`;

function itemFor(step, converted, operation) {
  const request = requestFor(step, converted.request, operation);
  const tests = [
    ...contractTests(operation.answer(step.refused), step),
    ...(step.keepTokens ? ['', ...linesOf(keepTokens)] : []),
    ...(step.after ? ['', ...linesOf(step.after)] : []),
  ];
  return {
    name: step.name ?? operation.summary,
    event: [...eventOf('prerequest', step.before ? linesOf(step.before) : []), ...eventOf('test', tests)],
    request,
    response: step.refused ? [] : converted.response.filter(isExample).map((example) => exampleFor(example, request)),
  };
}

function requestFor(step, { method, url, header, body }, operation) {
  return {
    method,
    description: [`${operation.summary}.`, operation.description, step.about].filter(Boolean).join('\n\n'),
    header,
    ...bodyFor(step, body),
    url: urlFor(step, url),
    ...authFor(step, operation),
  };
}

function bodyFor({ body, form }, converted) {
  if (form)
    return { body: { mode: 'urlencoded', urlencoded: Object.entries(form).map(([key, value]) => ({ key, value })) } };
  const content = body ? JSON.stringify(body, null, 2) : converted.raw;
  return content ? { body: { mode: 'raw', raw: content, options: { raw: { language: 'json' } } } } : {};
}

function urlFor({ id, provider, key_id, event_id, rest, query = {} }, { host, path }) {
  const places = Object.entries({ id, provider, key_id, event_id, rest }).flatMap(([key, value]) =>
    value ? [{ key, value }] : [],
  );
  const asked = Object.entries(query).map(([key, value]) => ({ key, value }));
  const text = asked.map(({ key, value }) => `${key}=${value}`).join('&');
  return {
    raw: `${[...host, ...path].join('/')}${text && `?${text}`}`,
    host,
    path,
    ...(asked.length > 0 && { query: asked }),
    ...(places.length > 0 && { variable: places }),
  };
}

/** The collection's own, unless the route needs none or the step names another. */
function authFor({ token, basic }, { signedIn }) {
  if (basic) return { auth: { type: 'basic', basic: pairs({ username: basic[0], password: basic[1] }) } };
  if (token) return { auth: bearer(token) };
  return token === null || !signedIn ? { auth: { type: 'noauth' } } : {};
}

function bearer(value) {
  return { type: 'bearer', bearer: pairs({ token: value }) };
}

function pairs(values) {
  return Object.entries(values).map(([key, value]) => ({ key, value, type: 'string' }));
}

function isExample({ body }) {
  return Boolean(body);
}

function exampleFor({ status, code, header, body, _postman_previewlanguage }, { method, url }) {
  const type = header.filter(({ key }) => key === 'Content-Type');
  return { name: status, originalRequest: { method, url }, status, code, header: type, body, _postman_previewlanguage };
}
