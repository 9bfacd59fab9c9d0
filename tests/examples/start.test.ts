import { expect, it } from 'vitest';
import { startExample } from '../support/example.js';

it('One command starts an example and a Gatelatch, and Ctrl-C stops both', { timeout: 60_000 }, async () => {
  const example = await startExample('resource-server');
  expect((await fetch(`${example.gatelatchUrl}/readyz`)).status).toBe(200);
  expect((await fetch(`${example.url}/orders`)).status).toBe(401);
  expect(await example.stop()).toBe(0);
  for (const url of [example.gatelatchUrl, example.url]) await expect(fetch(url)).rejects.toThrow('fetch failed');
});
