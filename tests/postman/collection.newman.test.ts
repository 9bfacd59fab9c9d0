import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { routes } from '../../src/routes.js';
import { collection, environment, items, postmanFiles, postmanFolder } from './postman-files.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const testsOf = ({ event }: (typeof items)[number]) =>
  event.find(({ listen }) => listen === 'test')?.script.exec.filter((line) => line.startsWith('pm.test(')) ?? [];

describe('The Postman collection', () => {
  it('is up to date with the contract (if not: npm run postman)', { timeout: 60_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatelatch-postman-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const run = (args: string[], input = '') => execFileSync('node', args, { cwd: root, input, maxBuffer: 10_000_000 });
    run(['scripts/build.mjs']);
    run(['scripts/postman/write.mjs', folder], run(['scripts/write-openapi.mjs']).toString());
    for (const name of postmanFiles)
      expect(readFileSync(join(folder, name), 'utf8')).toBe(readFileSync(join(postmanFolder, name), 'utf8'));
  });

  it('has every route', () => {
    const sent = items.map(
      ({ request }) => `${request.method} /${request.url.path.join('/').replace(/:(\w+)/g, '{$1}')}`,
    );
    // Postman waits for the end of an answer, and a stream has none.
    const answering = routes.filter(({ endpoint }) => endpoint.reply[1] !== 'text/event-stream');
    expect(new Set(sent)).toEqual(new Set(answering.map(({ method, path }) => `${method} ${path}`)));
  });

  it('has its folders in this order', () => {
    expect(collection.item.map(({ name }) => name)).toEqual([
      'Start',
      'Sign up & log in',
      'Protected routes',
      'Todos',
      'Sessions',
      'Refresh',
      'Password & e-mail',
      'Second factor',
      'Passkeys',
      'Providers',
      'Machines',
      'Administration',
      'Machine routes',
      'Goodbye',
    ]);
  });

  it.each(items.map((item) => [item.title, item] as const))('tests the response of %s', (_, item) => {
    expect(testsOf(item).length).toBeGreaterThan(3);
    expect(testsOf(item)[0]).toMatch(/^pm\.test\('answers \d{3}'/);
  });

  it('has no two requests with one name', () => {
    expect(new Set(items.map(({ title }) => title)).size).toBe(items.length);
  });
});

describe('The Postman environment', () => {
  it('marks passwords and tokens as secrets, and contains no values but the example’s', () => {
    const secrets = environment.values.filter(({ key }) => /password|_token$|_key$/.test(key));
    expect(secrets.map(({ key }) => key)).toEqual([
      'password',
      'access_token',
      'refresh_token',
      'device_token',
      'api_key',
      'client_token',
      'service_key',
      'admin_password',
    ]);
    for (const { key, type, value } of secrets) {
      expect(type, key).toBe('secret');
      if (key !== 'admin_password') expect(value, key).toBe('');
    }
  });
});
