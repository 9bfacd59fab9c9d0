import { expect, it } from 'vitest';
import { z } from 'zod';
import { endpoint, GET, type Guard, openEndpoint, POST } from '../../src/endpoint.js';
import { accessToken, open } from '../../src/guards.js';
import type { AccessClaims } from '../../src/sessions/access-tokens.js';

// Your own tests may go without this one. It holds what docs/your-own-routes.md promises of the compiler.
const facts = { name: 'note', summary: 'A note' } as const;
const noteSchema = z.object({ text: z.string(), kind: z.enum(['short', 'long']) });
const note = { text: 'Water the plants', kind: 'short' } as const;

// Each marked line below must be a compiler error, or `npm run types` fails.

endpoint({
  ...facts,
  body: z.strictObject({ text: z.string() }),
  reply: [201, noteSchema],
  // @ts-expect-error The body has no `title`.
  handler: ({ body }) => ({ body: { ...note, text: body.title } }),
});

endpoint({
  ...facts,
  query: z.object({ limit: z.string().transform(Number) }),
  reply: [200, noteSchema],
  // @ts-expect-error `limit` is a number here.
  handler: ({ query }) => ({ body: { ...note, text: query.limit.toUpperCase() } }),
});

endpoint({
  ...facts,
  reply: [200, noteSchema],
  // @ts-expect-error The reply lacks `kind`.
  handler: () => ({ body: { text: 'Water the plants' } }),
});

endpoint({
  ...facts,
  reply: [200, noteSchema],
  // @ts-expect-error The reply needs a body.
  handler: () => ({}),
});

endpoint({
  ...facts,
  reply: [200, noteSchema],
  // @ts-expect-error This code is not in the catalogue.
  errors: ['note_lost'],
  handler: () => ({ body: note }),
});

openEndpoint({
  ...facts,
  reply: [200, noteSchema],
  // @ts-expect-error An open endpoint has no principal.
  handler: ({ principal }) => ({ body: { ...note, text: principal.sub } }),
});

const own = endpoint({ ...facts, reply: [200, noteSchema], handler: () => ({ body: note }) });
const forAll = openEndpoint({ ...facts, reply: [200, noteSchema], handler: () => ({ body: note }) });

// @ts-expect-error The endpoint needs a principal, and this guard gives none.
GET('/notes', { guard: open }, own);

// @ts-expect-error Without a token there are no roles.
POST('/notes', { guard: open, role: 'editor' }, forAll);

// @ts-expect-error A guard whose principal is the claims of a token says so: else `acr` and `maxAge` would not count.
const guardOfOne: Guard<AccessClaims> = {
  name: 'own',
  refusals: [],
  schemes: () => ({}),
  step: (deps) => accessToken.step(deps),
};

// @ts-expect-error Without a token nothing tells how strong the sign-in was.
POST('/notes', { guard: open, acr: 'aal2' }, forAll);

it('an endpoint and a row that fit together compile, with a guard and a role', () => {
  expect(GET('/notes', { guard: accessToken, role: 'editor' }, own)).toMatchObject({ method: 'GET', role: 'editor' });
  expect(GET('/notes', { guard: { ...guardOfOne, hasClaims: true } }, own)).toMatchObject({ path: '/notes' });
  expect(GET('/notes', { guard: open }, forAll)).toMatchObject({ path: '/notes' });
});
