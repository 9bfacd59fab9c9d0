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

// The steps of docs/operations.md; what to do about what has lived again is docs/runbooks/restore.md.
it('A pg_dump, restored: sessions go on where they were, one that is ahead is let in and audited, later ones are unknown', {
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
  // Refreshed since the backup: genuine, but ahead of what the database knows.
  expect((await refresh(app, refreshed.refresh_token)).status).toBe(200);
  const events = await app.deps.db.auditEvent.findMany({ where: { action: 'refresh.ahead' } });
  expect(events.map(({ userId }) => userId)).toEqual([ahead.userId]);
  expect((await refresh(app, later.refreshToken)).body.code).toBe('invalid_refresh_token');
  // What has ended since the backup lives again.
  expect((await refresh(app, loggedOut.refreshToken)).status).toBe(200);
  expect((await app.http.post('/auth/login').send({ username: later.username, password: later.password })).status).toBe(
    401,
  );
});
