import { describe, expect, it, onTestFinished } from 'vitest';
import { purgeSessions } from '../../src/sessions/purge.js';
import { openOperator } from '../support/instance.js';
import { createServerDatabase } from '../support/test-database.js';

describe('purgeSessions on several instances', () => {
  it('runs on one instance at a time: a second does nothing meanwhile, and works afterwards', async () => {
    const database = await createServerDatabase();
    const [one, other] = [await openOperator(database.url), await openOperator(database.url)];
    onTestFinished(async () => {
      await Promise.all([one.close(), other.close()]);
      await database.drop();
    });
    await one.db.$executeRaw`
      INSERT INTO revocation (user_id, session_id, keep_until)
      SELECT gen_random_uuid(), gen_random_uuid(), clock_timestamp() - interval '1 hour' FROM generate_series(1, 10)`;
    // The lock that a batch holds while it runs.
    await one.db.$transaction(async (tx) => {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(728301002)`;
      expect(await purgeSessions(other)).toBeUndefined();
      expect(await other.db.revocation.count()).toBe(10);
    });
    expect(await purgeSessions(other)).toEqual({ sessions: 0, revocations: 10 });
  });

  it('counts no row twice if many start at once', async () => {
    const database = await createServerDatabase();
    const one = await openOperator(database.url);
    const operators = [one, ...(await Promise.all(Array.from({ length: 3 }, () => openOperator(database.url))))];
    onTestFinished(async () => {
      await Promise.all(operators.map(({ close }) => close()));
      await database.drop();
    });
    await one.db.$executeRaw`
      INSERT INTO revocation (user_id, session_id, keep_until)
      SELECT gen_random_uuid(), gen_random_uuid(), clock_timestamp() - interval '1 hour' FROM generate_series(1, 900)`;
    const purged = await Promise.all(operators.map(purgeSessions));
    expect(purged.reduce((sum, one) => sum + (one?.revocations ?? 0), 0)).toBe(900);
  });
});
