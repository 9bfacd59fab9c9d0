import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginChainAnew } from '../../../src/audit/chain/begin.js';
import type { ChainEnd } from '../../../src/audit/chain/macs.js';
import { sealAudit } from '../../../src/audit/chain/seal.js';
import { verifyAudit } from '../../../src/audit/chain/verify.js';
import { auditEvent } from '../../../src/audit/events.js';
import { ensureKeys } from '../../../src/keys/rotation.js';
import { labelOf } from '../../../src/keys/signing-keys.js';
import type { Db } from '../../../src/platform/db/database.js';
import { startApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let db: Db;
beforeAll(async () => {
  app = await startApp();
  db = app.deps.db;
});
afterAll(() => app.stop());

beforeEach(async () => {
  await db.$executeRaw`DELETE FROM audit_event`;
  await beginChainAnew(app.deps);
});

const seal = () => sealAudit(app.deps);
const record = async (count: number) => {
  for (let done = 0; done < count; done++) await db.$executeRaw(auditEvent('login.succeeded', null, {}, {}));
};
const problems = async (kept?: ChainEnd) =>
  (await verifyAudit(app.deps, kept)).problems.map(({ kind, position }) => `${kind} ${position}`);
const sealed = async (count: number) => {
  await record(count);
  await seal();
  return (await verifyAudit(app.deps)).head;
};

describe('a chain that was removed whole', () => {
  const removeState = async () => {
    await db.$executeRaw`DELETE FROM audit_chain`;
    await db.$executeRaw`
      UPDATE audit_event SET action = 'user.enabled', position = NULL, mac = NULL, salt = NULL, origin_hash = NULL`;
  };
  const startAgain = async () => {
    await ensureKeys(app.deps);
    await app.deps.keys.reload();
  };

  it('with its state is found, and its events are not sealed again', async () => {
    await sealed(5);
    await removeState();
    expect(await problems()).toEqual(['state_changed 0']);
    await expect(seal()).rejects.toThrow('state of the audit chain was changed');
    await startAgain();
    expect(await problems()).toEqual(['state_changed 0']);
  });

  it('with its key, too, is found after the next start', async () => {
    await sealed(5);
    await removeState();
    await db.$executeRaw`DELETE FROM signing_key WHERE purpose = 'audit'`;
    await startAgain();
    expect(await problems()).toEqual(['state_changed 0']);
    await expect(seal()).rejects.toThrow('state of the audit chain was changed');
  });

  /** As a version before the first state left it. */
  const asBefore = async () => {
    const row = await db.signingKey.findFirstOrThrow({ where: { purpose: 'audit', retiredAt: null } });
    const plain = app.deps.box.open(row.sealed, labelOf(row));
    if (!plain) throw new Error('It does not open');
    const id = 'an0ldkey1234';
    const sealed = new Uint8Array(app.deps.box.seal(plain, labelOf({ ...row, id })));
    await db.signingKey.update({ where: { id: row.id }, data: { id, sealed } });
    await app.deps.keys.reload();
  };

  it('is not what an upgrade finds: neither a chain that has begun nor one that has not', async () => {
    const head = await sealed(5);
    await asBefore();
    await startAgain();
    expect(await problems(head)).toEqual([]);
    await db.$executeRaw`DELETE FROM audit_event`;
    await db.$executeRaw`DELETE FROM audit_chain`;
    await asBefore();
    await record(2);
    await startAgain();
    expect(await seal()).toBe(2);
    expect(await problems()).toEqual([]);
    await removeState();
    await startAgain();
    expect(await problems()).toEqual(['state_changed 0']);
  });

  it('is no way around it on an upgrade, as long as sealed events are left', async () => {
    await sealed(5);
    await asBefore();
    await db.$executeRaw`DELETE FROM audit_chain`;
    await startAgain();
    expect(await problems()).toEqual(['state_changed 0']);
  });

  it('can be begun anew by an operator who has AUTH_SECRET, and then holds', async () => {
    await sealed(5);
    await removeState();
    expect(await beginChainAnew(app.deps)).toBe(0);
    expect(await seal()).toBe(5);
    await db.$executeRaw`DELETE FROM audit_chain`;
    expect(await beginChainAnew(app.deps)).toBe(5);
    expect(await seal()).toBe(5);
    expect(await problems()).toEqual([]);
  });
});
