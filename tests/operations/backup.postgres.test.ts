import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { sealAudit } from '../../src/audit/chain/seal.js';
import { verifyAudit } from '../../src/audit/chain/verify.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createServerDatabase } from '../support/test-database.js';

const refresh = (app: TestApp, refresh_token: string) => app.http.post('/auth/refresh').send({ refresh_token });

// The steps of docs/operations.md. For what was revived, see docs/runbooks/restore.md.
it('after restoring a pg_dump, sessions go on, one that is ahead is accepted and audited, and newer ones are unknown', {
  timeout: 60_000,
}, async () => {
  const [source, target] = [await createServerDatabase(), await createServerDatabase('empty')];
  const folder = mkdtempSync(join(tmpdir(), 'gatelatch-backup-'));
  onTestFinished(async () => {
    await Promise.all([source.drop(), target.drop()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const first = await startApp({}, { databaseUrl: source.url });
  const [still, ahead, loggedOut] = [await first.signUp(), await first.signUp(), await first.signUp()];
  await sealAudit(first.deps);

  const dump = join(folder, 'gatelatch.dump');
  execFileSync('pg_dump', ['--format=custom', `--file=${dump}`, source.url]);
  const later = await first.signUp();
  const { body: refreshed } = await refresh(first, ahead.refreshToken);
  expect((await first.http.post('/auth/logout').set(loggedOut.bearer)).status).toBe(204);
  await first.stop();
  execFileSync('pg_restore', ['--no-owner', '--single-transaction', '--exit-on-error', `--dbname=${target.url}`, dump]);

  const app = await startAppForTest({}, { databaseUrl: target.url });
  expect(await verifyAudit(app.deps)).toMatchObject({ events: 3, problems: [] });
  expect((await refresh(app, still.refreshToken)).status).toBe(200);
  // It was refreshed after the backup, so its token is genuine but ahead of the database.
  expect((await refresh(app, refreshed.refresh_token)).status).toBe(200);
  const events = await app.deps.db.auditEvent.findMany({ where: { action: 'refresh.ahead' } });
  expect(events.map(({ userId }) => userId)).toEqual([ahead.userId]);
  expect((await refresh(app, later.refreshToken)).body.code).toBe('invalid_refresh_token');
  // A session that ended after the backup works again.
  expect((await refresh(app, loggedOut.refreshToken)).status).toBe(200);
  expect((await app.http.post('/auth/login').send({ username: later.username, password: later.password })).status).toBe(
    401,
  );
});
