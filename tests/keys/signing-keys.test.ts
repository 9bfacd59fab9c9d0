import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startApp, type TestApp } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';
import type { TestDatabase } from '../support/test-database.js';

const [secret, another] = ['first-0123456789abcdefghijklmnopqrstuv', 'other-0123456789abcdefghijklmnopqrstuv'] as const;

describe('signing keys', () => {
  let database: TestDatabase;
  let running: TestApp | undefined;
  beforeEach(async () => {
    database = await lendDatabase();
    return async () => {
      await running?.stop();
      running = undefined;
      await database.drop();
    };
  });

  async function start(environment: Record<string, string> = {}): Promise<TestApp> {
    await running?.stop();
    running = undefined;
    running = await startApp({ AUTH_SECRET: secret, ...environment }, { database });
    return running;
  }
  const kids = (app: TestApp) =>
    (['access', 'refresh', 'device'] as const).map((purpose) => app.deps.keys.active(purpose).kid);

  it('are created at the first start, with a next one for those that rotate, and stay the same after a restart', async () => {
    const first = await start();
    const made = kids(first);
    expect(new Set(made).size).toBe(3);
    const user = await first.signUp();
    const second = await start();
    expect(kids(second)).toEqual(made);
    expect(await second.deps.db.signingKey.count()).toBe(8);
    expect((await second.http.get('/welcome').set(user.bearer)).status).toBe(200);
    expect((await second.http.post('/auth/refresh').send({ refresh_token: user.refreshToken })).status).toBe(200);
    const login = { username: user.username, password: user.password, device_token: user.deviceToken };
    expect((await second.http.post('/auth/login').send(login)).body.device_token).toBe(user.deviceToken);
  });

  it('are sealed in the database, where no part of them can be read', async () => {
    const app = await start();
    for (const { id, purpose, sealed } of await app.deps.db.signingKey.findMany()) {
      const key = app.deps.keys.find(purpose as 'access', id)?.privateKey;
      const plain = key?.type === 'secret' ? key.export() : key?.export({ format: 'der', type: 'pkcs8' });
      expect(plain?.length).toBeGreaterThanOrEqual(32);
      expect(Buffer.from(sealed).includes((plain as Buffer).subarray(-32))).toBe(false);
    }
  });

  it('open only with their AUTH_SECRET: another one stops the start with one line, and damages nothing', async () => {
    const made = kids(await start());
    const refusal = await start({ AUTH_SECRET: another }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ name: 'StartError', message: expect.stringMatching(/^AUTH_SECRET [^\n]+$/) });
    expect(String(refusal)).not.toContain(another);
    expect(kids(await start())).toEqual(made);
  });

  it('open with AUTH_SECRET_PREVIOUS while the secret is changed, and no user is logged out', async () => {
    const user = await (await start()).signUp();
    const app = await start({ AUTH_SECRET: another, AUTH_SECRET_PREVIOUS: secret });
    expect((await app.http.get('/welcome').set(user.bearer)).status).toBe(200);
    expect((await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken })).status).toBe(200);
  });

  it.each([
    ['with one bit changed', `sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)`],
    ['cut', 'sealed = substring(sealed FROM 1 FOR 20)'],
    ['empty', `sealed = ''`],
    ['given another purpose', `purpose = CASE purpose WHEN 'refresh' THEN 'device' ELSE 'refresh' END`],
    ['given another algorithm', `algorithm = CASE algorithm WHEN 'HS256' THEN 'ES256' ELSE 'HS256' END`],
    ['given another id', `id = 'AAAAAAAAAAAA'`],
  ])('stop the start if a row was changed: %s', async (_what, change) => {
    const app = await start();
    const { kid } = app.deps.keys.active('refresh');
    await app.deps.db.$executeRawUnsafe(`UPDATE signing_key SET ${change} WHERE id = '${kid}'`);
    await expect(start()).rejects.toMatchObject({ name: 'StartError', message: expect.stringMatching(/^[^\n]+$/) });
  });

  it('stop the start if two rows were swapped', async () => {
    const app = await start();
    const [refresh, device] = [app.deps.keys.active('refresh').kid, app.deps.keys.active('device').kid];
    await app.deps.db.$executeRaw`
      UPDATE signing_key a SET sealed = b.sealed FROM signing_key b
      WHERE (a.id = ${refresh} AND b.id = ${device}) OR (a.id = ${device} AND b.id = ${refresh})`;
    await expect(start()).rejects.toMatchObject({ name: 'StartError' });
  });

  it('of the old algorithm still verify after JWT_ALGORITHM is changed, and new tokens use the new one', async () => {
    const user = await (await start()).signUp();
    const app = await start({ JWT_ALGORITHM: 'HS256' });
    expect(app.deps.keys.active('access').algorithm).toBe('HS256');
    expect((await app.http.get('/welcome').set(user.bearer)).status).toBe(200);
    const { body } = await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
    expect((await app.http.get('/welcome').set('Authorization', `Bearer ${body.access_token}`)).status).toBe(200);
    const back = await start();
    expect(back.deps.keys.active('access').algorithm).toBe('ES256');
    expect((await back.http.get('/welcome').set(user.bearer)).status).toBe(200);
  });

  it('differ between deployments, even with the same AUTH_SECRET', async () => {
    const mine = kids(await start());
    const elsewhere = await startApp({ AUTH_SECRET: secret });
    onTestFinished(() => elsewhere.stop());
    for (const kid of kids(elsewhere)) expect(mine).not.toContain(kid);
  });
});
