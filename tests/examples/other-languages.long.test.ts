import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { goodPassword, startApp, type TestApp } from '../support/app.js';
import { createForger, forgedTokens } from '../support/forged-tokens.js';
import { startFront } from '../verify/support/front.js';

// Debian's, which have the packages.
const python = '/usr/bin/python3';
const golangJwt = '/usr/share/gocode/src/github.com/golang-jwt/jwt';
const has = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;

const languages = [
  {
    name: 'Python',
    isThere: has(python, '-c', 'import jwt, cryptography'),
    folder: 'python-service',
    prepare: () => [python, 'service.py'],
  },
  {
    name: 'Go',
    isThere: has('go', 'version') && existsSync(golangJwt),
    folder: 'go-service',
    prepare: built,
  },
];

/** Builds the service in a folder of its own, with the library of Debian. */
function built(folder: string): string[] {
  const copy = mkdtempSync(join(tmpdir(), 'gatelatch-go-'));
  cpSync(folder, copy, { recursive: true });
  const env = { PATH: process.env.PATH, HOME: copy, GOFLAGS: '-mod=mod -modcacherw', GOPROXY: 'off' };
  const go = (...args: string[]) => execFileSync('go', args, { cwd: copy, env, stdio: 'pipe' });
  go('mod', 'edit', '-replace', `github.com/golang-jwt/jwt/v4=${golangJwt}`);
  go('build', '-o', 'service', '.');
  return [join(copy, 'service')];
}

// Where these tests must say something, what is missing fails them.
for (const { name, isThere, folder, prepare } of languages)
  describe.skipIf(!isThere && !process.env.CI)(`A service in ${name} that polls the list`, () => {
    let app: TestApp;
    let service: ChildProcess;
    let url: string;
    let front: Awaited<ReturnType<typeof startFront>>;

    beforeAll(async () => {
      app = await startApp();
      front = await startFront(app);
      const { issuer, audience } = app.config.tokens;
      const settings = { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, GATELATCH_URL: front.url, PORT: '0' };
      const cwd = fileURLToPath(new URL(`../../examples/${folder}`, import.meta.url));
      const [program = '', ...args] = prepare(cwd);
      service = spawn(program, args, {
        cwd,
        env: { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1', ...settings },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const lines = createInterface({ input: service.stdout as NodeJS.ReadableStream });
      [url] = await once(lines, 'line');
      const user = await app.signUp();
      while ((await statusOf(user.accessToken)) !== 200) await sleep(100);
    });
    afterAll(async () => {
      service?.kill();
      const { spawnfile = '' } = service ?? {};
      if (spawnfile.startsWith(tmpdir())) rmSync(dirname(spawnfile), { recursive: true });
      front?.stop();
      await app?.stop();
    });

    async function ask(token?: string): Promise<{ status: number; body: { code?: string; hello?: string } }> {
      const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
      const answer = await fetch(url, { headers });
      return { status: answer.status, body: (await answer.json()) as { code?: string; hello?: string } };
    }
    const statusOf = async (token: string) => (await ask(token)).status;
    const codeOf = async (token: string) => (await ask(token)).body.code;

    it('greets who has a good token, and nobody else', async () => {
      const user = await app.signUp();
      expect((await ask(user.accessToken)).body).toEqual({ hello: user.userId });
      expect(await ask()).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    });

    it('refuses forged tokens', async () => {
      const forger = createForger(app, await app.signUp());
      // What only Gatelatch's own key could sign, and never does, and another spelling of a good signature.
      const neverMade =
        /b64 false|ver is text|sub is no id|longer than 24|milliseconds|1e308|spelled|before its iat|sub is null|exp is text|padded|roles are|payload is|\x80|expired/;
      const accepted = [];
      for (const [what, make] of forgedTokens.filter(([what]) => !neverMade.test(what)))
        if ((await statusOf(make(forger))) !== 401) accepted.push(what);
      expect(accepted).toEqual([]);
    });

    it('answers a token whose header is nested deep', async () => {
      const header = Buffer.from('['.repeat(5_000)).toString('base64url');
      expect(await codeOf(`${header}.e30.AAAA`)).toBe('invalid_token');
    });

    it('feels a logout, new roles and a new password', { timeout: 30_000 }, async () => {
      const [out, changed, renewed] = [await app.signUp(), await app.signUp(), await app.signUp()];
      await app.http.post('/auth/logout').set(out.bearer).expect(204);
      await changeUser(app.deps, changed.userId, { roles: ['editor'] }, {}, 'all');
      const login = { username: renewed.username, password: renewed.password };
      const { body } = await app.http.post('/auth/login').send(login).expect(200);
      const change = { current_password: goodPassword, new_password: 'nine other geese over the lake' };
      await app.http.post('/me/password').set(renewed.bearer).send(change).expect(204);
      await expect.poll(() => codeOf(out.accessToken)).toBe('session_revoked');
      await expect.poll(() => codeOf(changed.accessToken)).toBe('token_stale');
      await expect.poll(() => codeOf(body.access_token)).toBe('session_revoked');
      expect(await statusOf(renewed.accessToken)).toBe(200);
    });

    it('lets nobody in once it has heard nothing for 10 seconds', { timeout: 30_000 }, async () => {
      const user = await app.signUp();
      expect(await statusOf(user.accessToken)).toBe(200);
      front.freeze();
      await expect.poll(() => statusOf(user.accessToken), { timeout: 15_000 }).toBe(503);
    });
  });
