import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.js';
import { type CliProcess, cliOverSocket, createCli } from '../support/run-cli.js';
import { createEmbeddedDatabase, type TestDatabase } from '../support/test-database.js';

const someHash = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK';
const lineOf = (username: string, password_hash = someHash) => `${JSON.stringify({ username, password_hash })}\n`;

// From github.com/firebase/scrypt, README.
const firebaseParameters = `hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}`;
const firebaseHash =
  '$fbscrypt$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==';

const none = { usernames: 0, without_email: 0 };

describe('users import and users export', () => {
  let database: TestDatabase;
  let cli: CliProcess;
  const file = (name: string) => join(cli.cwd, name);

  beforeAll(async () => {
    database = createEmbeddedDatabase();
    cli = await createCli({ DATABASE_URL: database.url });
  }, 120_000);
  afterAll(async () => {
    await database.drop();
    cli.remove();
  });

  it('report refused lines on standard error with a summary and exit code 1; without refused lines the code is 0', async () => {
    writeFileSync(file('users.jsonl'), `${lineOf('ada')}{"username":\n${lineOf('bob')}`);
    const first = await cli.run(['users', 'import', 'users.jsonl']);
    expect(first).toEqual({
      code: 1,
      stdout: '3 lines read, 2 users imported, 0 already there, 1 lines refused.\n',
      stderr: 'line 2: Not a whole JSON object on one line.\n',
    });
    const again = await cli.json(['users', 'import', '-'], lineOf('ada') + lineOf('bob') + lineOf('eve'));
    expect(again).toEqual({
      dry_run: false,
      lines: 3,
      imported: 1,
      existing: 2,
      refused: 0,
      derived: none,
      refusals: [],
    });
  }, 60_000);

  it('say which usernames were derived, and who must be told', async () => {
    const lines = [{ username: 'a@example.com' }, { username: 'auth0|5f7c', password_hash: someHash }];
    const input = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    expect(await cli.run(['users', 'import', '-', '--dry-run', '--usernames', 'derive'], input)).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^2 usernames are derived: these users log in by e-mail; 1 have no e-mail: tell them their username, /,
      ),
      stderr: expect.stringMatching(/^line 2: must log in as auth0-5f7c-[\da-f]{8}\n$/),
    });
    const other = await cli.run(['users', 'import', '-', '--usernames', 'keep'], input);
    expect(other).toEqual({ code: 1, stdout: '', stderr: '--usernames can only be: derive\n' });
  }, 60_000);

  it('accept the parameters of a Firebase project', async () => {
    writeFileSync(file('firebase.txt'), firebaseParameters);
    const argv = ['users', 'import', '-', '--firebase', 'firebase.txt'];
    expect(await cli.json(argv, lineOf('flame', firebaseHash))).toMatchObject({ imported: 1, refused: 0 });
    writeFileSync(file('firebase.txt'), firebaseParameters.replace('rounds', 'r'));
    expect(await cli.run(argv, lineOf('flame', firebaseHash))).toEqual({
      code: 1,
      stdout: '',
      stderr: 'The Firebase parameters have no rounds.\n',
    });
  }, 60_000);

  it('write only lines to standard output, or a new file that only its owner can read', async () => {
    const piped = await cli.run(['users', 'export']);
    expect(piped).toMatchObject({ code: 0, stderr: expect.stringContaining('Keep it secret') });
    const users = piped.stdout.split('\n').slice(0, -1);
    expect(users.map((line) => JSON.parse(line).username)).toEqual(['ada', 'bob', 'eve', 'flame']);
    expect(await cli.json(['users', 'export', 'out.jsonl'])).toMatchObject({ exported: 4 });
    expect(readFileSync(file('out.jsonl'), 'utf8')).toBe(piped.stdout);
    expect(statSync(file('out.jsonl')).mode & 0o777).toBe(0o600);
    const over = await cli.run(['users', 'export', 'out.jsonl']);
    expect(over).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('EEXIST') });
    const missing = await cli.run(['users', 'import', 'nowhere.jsonl']);
    expect(missing).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/ENOENT[^\n]*\n$/) });
  }, 60_000);

  describe('with a running server', () => {
    let app: TestApp;
    beforeAll(async () => {
      app = await startApp({}, { databaseUrl: database.url });
    });
    afterAll(() => app.stop());

    it('need absolute paths, report refused lines, and let the users log in', async () => {
      const { run, json } = cliOverSocket(database.url);
      for (const argv of [['import', 'users.jsonl'], ['import', '-'], ['export'], ['export', 'more.jsonl']])
        expect(await run(['users', ...argv])).toMatchObject({ code: 1, stderr: expect.stringContaining('absolute') });
      writeFileSync(file('more.jsonl'), `${lineOf('mallory')}${lineOf('Ada')}`);
      const imported = await run(['users', 'import', file('more.jsonl')]);
      expect(imported.code).toBe(1);
      expect(imported.stdout).toMatch(/^line 2: The username "Ada" is taken\.\n2 lines read, 1 users imported, /);
      expect(await json(['users', 'export', file('all.jsonl')])).toMatchObject({ exported: 5 });
      for (const [username, password] of [
        ['mallory', 'U*U*'],
        ['flame', 'user1password'],
      ])
        expect((await app.http.post('/auth/login').send({ username, password })).status).toBe(200);
    });
  });
});
