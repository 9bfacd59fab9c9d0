import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import { onTestFinished } from 'vitest';
import { createApp } from '../../src/app.js';
import type { Row } from '../../src/endpoint.js';
import type { TestApp } from './app.js';

/** Serves the rows of a test with the deps of an app, until the test ends. */
export async function serveRows(app: TestApp, rows: Row[]): Promise<ReturnType<typeof request>> {
  const server = createServer(createApp(app.deps, rows)).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return request(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
