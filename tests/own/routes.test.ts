import { expect, it } from 'vitest';
import { z } from 'zod';
import { createApp } from '../../src/app.js';
import { GET, openEndpoint, type Row } from '../../src/endpoint.js';
import { open } from '../../src/guards.js';
import { ownRoutes } from '../../src/own/routes.js';
import { routes } from '../../src/routes.js';
import { startAppForTest } from '../support/app.js';
import { serveRows } from '../support/rows-app.js';

const whatWasAsked = openEndpoint({
  name: 'getNote',
  summary: 'Get a note',
  reply: [200, z.object({ note: z.string() })],
  handler: async () => ({ body: { note: 'of my own' } }),
});

/** The table, with a row of an adopter before all of ours. */
function withOwn<Result>(path: string, use: (rows: Row[]) => Result): Result {
  const own = GET(path, { guard: open }, whatWasAsked);
  ownRoutes.push(own);
  try {
    return use([own, ...routes]);
  } finally {
    ownRoutes.splice(ownRoutes.indexOf(own), 1);
  }
}

it.each(['/welcome', '/auth/login', '/admin/users/{number}'])(
  'the start stops for %s in own/routes.ts: it is a path of ours',
  async (path) => {
    const app = await startAppForTest();
    const start = () => withOwn(path, (rows) => createApp(app.deps, rows));
    expect(start).toThrow(`own/routes.ts: ${path} is a path of Gatelatch already.`);
  },
);

it('own rows are behind ours: one with a name in its path takes none of ours', async () => {
  const app = await startAppForTest();
  const http = await withOwn('/{anything}', (rows) => serveRows(app, rows));
  expect((await http.get('/healthz').expect(200)).body).not.toHaveProperty('note');
  expect((await http.get('/notes').expect(200)).body).toEqual({ note: 'of my own' });
});
