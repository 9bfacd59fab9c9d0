import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiKeyChecks } from '../../src/api-keys/doctor.js';
import { commands } from '../../src/commands.js';
import { parse } from '../../src/platform/cli/parse.js';
import type { User } from '../../src/users/users.js';
import { createServiceUser, makeKey } from '../support/api-keys.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';

let app: TestApp;
let service: User;
beforeAll(async () => {
  app = await startApp();
  service = await createServiceUser(app, ['user']);
});
afterAll(() => app.stop());

/** A command as an operator types it. */
async function command(...argv: string[]) {
  const parsed = parse(argv, commands);
  if ('help' in parsed) throw new Error('This is no command.');
  const { json, text } = await parsed.command.run(app.deps, parsed.args);
  return { json: json as Record<string, string>, text };
}

const use = (key: string) => app.http.get('/todos').set('Authorization', `Bearer ${key}`);

describe('The operator', () => {
  it('makes a key of a service user, which is printed once, and revokes it by its id', async () => {
    const scopes = ['--scope', 'todos:write', '--scope', 'todos:read'];
    const made = await command(
      'api-keys',
      'create',
      service.username,
      ...scopes,
      '--name',
      'Nightly',
      '--expires-in',
      '2d',
    );
    const key = `${made.json.key}`;
    app.secrets.add('the key of the operator', key.slice(-49, -6));
    expect(made.json).toMatchObject({ name: 'Nightly', scopes: ['todos:read', 'todos:write'], created_by: null });
    expect(Date.parse(`${made.json.expires_at}`) - Date.parse(`${made.json.created_at}`)).toBe(2 * 86_400_000);
    expect(made.text).toContain(key);
    await use(key).expect(200);

    const listed = await command('api-keys', 'list', service.id);
    expect(listed.text).toMatch(/NAME +START +SCOPES/);
    expect(listed.text).toContain(`${made.json.start}`);
    expect(JSON.stringify(listed)).not.toContain(key.slice(-49, -6));

    await command('api-keys', 'revoke', `${made.json.id}`);
    expectProblem(await use(key), 'api_key_revoked');
    await expect(command('api-keys', 'revoke', `${made.json.id}`)).rejects.toThrow('There is no live API key');
    expect((await command('api-keys', 'list', service.id)).text).toBe('There are no live API keys.');
  });

  it('revokes the key of a person, too', async () => {
    const { id, bearer } = await makeKey(app, await app.signUp());
    await command('api-keys', 'revoke', id);
    expectProblem(await app.http.get('/welcome').set(bearer), 'api_key_revoked');
  });

  it.each([
    ['for a person', async () => [(await app.signUp()).username, '--scope', 'todos:read'], /This user is a person/],
    ['for nobody', async () => ['nobody', '--scope', 'todos:read'], /no user "nobody"/],
    ['without a scope', async () => [service.username], /^--scope: Name at least one permission\.$/],
    [
      'with an unknown scope',
      async () => [service.username, '--scope', 'todos:burn'],
      /--scope: There is no such permission/,
    ],
    ['with a scope that the service user lacks', async () => [service.username, '--scope', 'users:read'], /./],
    ['for a time that is none', async () => [service.username, '--scope', 'todos:read', '--expires-in', 'soon'], /12h/],
    [
      'without an end where the settings want one',
      async () => [service.username, '--scope', 'todos:read', '--expires-in', 'never'],
      /./,
    ],
  ])('makes none %s', async (_, argv, why) => {
    await expect(command('api-keys', 'create', ...(await argv()))).rejects.toThrow(why);
  });

  it('names a key by its id alone', async () => {
    await expect(command('api-keys', 'revoke', 'glk_abcd')).rejects.toThrow('by its id');
  });
});

describe('doctor on API keys', () => {
  const check = async ({ config, deps }: TestApp) => apiKeyChecks.database(config, deps.database);

  it('tells how many there are, and warns of those that nobody has used for 90 days', async () => {
    const own = await startAppForTest();
    expect(await check(own)).toMatchObject([
      { status: 'ok', detail: '0 live, 0 without an end, 0 not used for 90 days' },
    ]);
    const user = await own.signUp();
    const { id } = await makeKey(own, user);
    await makeKey(own, user);
    expect(await check(own)).toMatchObject([
      { status: 'ok', detail: '2 live, 0 without an end, 0 not used for 90 days' },
    ]);
    await own.deps.db.$executeRaw`UPDATE api_key SET created_at = now() - interval '91 days' WHERE id = ${id}::uuid`;
    expect(await check(own)).toMatchObject([
      { status: 'warning', detail: '2 live, 0 without an end, 1 not used for 90 days' },
    ]);
    await own.deps.db.$executeRaw`UPDATE api_key SET last_used_at = now() WHERE id = ${id}::uuid`;
    expect(await check(own)).toMatchObject([{ status: 'ok' }]);
  });

  it('warns of keys without an end, where the settings want one', async () => {
    const own = await startAppForTest({ API_KEY_MAX_AGE: 'off' });
    await makeKey(own, await own.signUp(), { expires_in: null });
    expect(await check(own)).toMatchObject([
      { status: 'ok', detail: '1 live, 1 without an end, 0 not used for 90 days' },
    ]);
    const { apiKeys } = own.config;
    const [found] = await apiKeyChecks.database({ apiKeys: { ...apiKeys, maxAge: 60 } }, own.deps.database);
    expect(found?.status).toBe('warning');
  });

  it('says so where none is taken', async () => {
    const own = await startAppForTest({ API_KEYS: 'off' });
    expect(await check(own)).toMatchObject([{ status: 'ok', detail: 'none is taken: API_KEYS is off' }]);
  });
});
