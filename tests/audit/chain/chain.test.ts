import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginChainAnew } from '../../../src/audit/chain/begin.js';
import type { ChainEnd } from '../../../src/audit/chain/macs.js';
import { retainAudit } from '../../../src/audit/chain/retention.js';
import { sealAudit } from '../../../src/audit/chain/seal.js';
import { verifyAudit } from '../../../src/audit/chain/verify.js';
import { countedEvent } from '../../../src/audit/counted-events.js';
import { auditEvent } from '../../../src/audit/events.js';
import { revokeKey } from '../../../src/keys/rotation.js';
import type { Db } from '../../../src/platform/db/database.js';
import { startApp, type TestApp } from '../../support/app.js';

const caller = { address: '192.0.2.7', userAgent: 'Walrus/1' };
const userId = '01890a5d-ac96-774b-bcce-b302099a8057';

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

const record = async (count: number) => {
  for (let done = 0; done < count; done++)
    await db.$executeRaw(
      auditEvent('login.succeeded', userId, { actorId: userId, caller }, { session_id: userId, done }),
    );
};
const seal = () => sealAudit(app.deps);
const verify = (kept?: ChainEnd) => verifyAudit(app.deps, kept);
const retain = (auditRetention = 365 * 86_400) => retainAudit({ ...app.deps, config: { auditRetention } });
const problems = async (kept?: ChainEnd) =>
  (await verify(kept)).problems.map(({ kind, position, to }) => `${kind} ${position}${to ? `-${to}` : ''}`);
const age = (days: number, where: string) =>
  db.$executeRawUnsafe(`UPDATE audit_event SET at = at - interval '${days} days' WHERE ${where}`);
const sealed = async (count: number) => {
  await record(count);
  await seal();
  return (await verify()).head;
};

describe('sealing', () => {
  it('accepts an empty chain', async () => {
    expect(await seal()).toBe(0);
    expect(await verify()).toMatchObject({ events: 0, head: { position: 0 }, problems: [] });
  });

  it('gives every event a position, in batches, and logs each head', async () => {
    await record(600);
    expect(await seal()).toBe(600);
    const { events, head, problems } = await verify();
    expect([events, head.position, problems]).toEqual([600, 600, []]);
    const heads = app.logs.filter(({ msg }) => msg === 'audit events sealed').map((line) => line.head);
    expect(heads.slice(-3)).toEqual([
      expect.stringMatching(/^250:[0-9a-f]{64}$/),
      expect.stringMatching(/^500:/),
      `600:${head.mac}`,
    ]);
  });

  it('puts an event that is committed late into a later batch', async () => {
    await sealed(3);
    await record(1);
    await age(1, 'position IS NULL');
    await seal();
    const late = await db.auditEvent.findFirstOrThrow({ orderBy: { position: 'desc' } });
    expect([Number(late.position), await problems()]).toEqual([4, []]);
  });

  it('leaves counted events until their window is over, and then counts in a new row', async () => {
    const fail = () => db.$executeRaw(countedEvent('login.failed', userId, caller));
    await fail();
    await fail();
    expect(await seal()).toBe(0);
    await age(1, "action = 'login.failed'");
    expect(await seal()).toBe(1);
    expect((await db.auditEvent.findFirstOrThrow()).detail).toMatchObject({ count: 2 });
    expect(await problems()).toEqual([]);
  });

  it('counts what comes from one IPv6 /64 in one row, whichever of its addresses it comes from', async () => {
    const from = (address: string) => db.$executeRaw(countedEvent('login.failed', userId, { ...caller, address }));
    for (const address of ['2001:db8:0:7::1', '2001:db8:0:7::2', '2001:db8:0:8::1']) await from(address);
    const events = await db.auditEvent.findMany({ where: { action: 'login.failed' } });
    const counts = events.map(({ ip, detail }) => [ip, detail]);
    expect(counts).toHaveLength(2);
    expect(counts).toContainEqual(['2001:db8:0:7::1', expect.objectContaining({ count: 2 })]);
    expect(counts).toContainEqual(['2001:db8:0:8::1', { count: 1 }]);
  });

  it('seals each event once if many seal at the same time', async () => {
    await record(300);
    const counts = await Promise.all(Array.from({ length: 8 }, seal));
    expect(counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)).toBe(300);
    expect(await problems()).toEqual([]);
  });

  it('works during sign-ups and logins, which never wait for it', async () => {
    const work = Array.from({ length: 20 }, () => app.signUp());
    const sealing = Promise.all(Array.from({ length: 5 }, seal));
    await Promise.all([...work, sealing]);
    await seal();
    expect(await problems()).toEqual([]);
    expect(await db.auditEvent.count({ where: { position: null } })).toBe(0);
  });
});

describe('verifying finds', () => {
  const tampering: [what: string, sql: string[], found: string[]][] = [
    ['a changed action', ["UPDATE audit_event SET action = 'user.created' WHERE position = 4"], ['changed 4']],
    [
      'a changed time, by a microsecond',
      ["UPDATE audit_event SET at = at + interval '1 microsecond' WHERE position = 4"],
      ['changed 4'],
    ],
    ['a changed user', ['UPDATE audit_event SET user_id = gen_random_uuid() WHERE position = 4'], ['changed 4']],
    ['a removed actor', ['UPDATE audit_event SET actor_id = NULL WHERE position = 4'], ['changed 4']],
    ['a changed id', ['UPDATE audit_event SET id = gen_random_uuid() WHERE position = 4'], ['changed 4']],
    [
      'a changed detail',
      [`UPDATE audit_event SET detail = detail || '{"done": 99}' WHERE position = 4`],
      ['changed 4'],
    ],
    ['a changed address', ["UPDATE audit_event SET ip = '198.51.100.1' WHERE position = 4"], ['changed 4']],
    ['a changed user agent', ['UPDATE audit_event SET user_agent = NULL WHERE position = 4'], ['changed 4']],
    ['a changed salt', ["UPDATE audit_event SET salt = '\\x00' WHERE position = 4"], ['changed 4']],
    ['a changed MAC', ["UPDATE audit_event SET mac = '\\x00' WHERE position = 4"], ['changed 4', 'changed 5']],
    ['a removed MAC', ['UPDATE audit_event SET mac = NULL WHERE position = 4'], ['changed 4', 'changed 5']],
    ['a removed origin', ['UPDATE audit_event SET origin_hash = NULL WHERE position = 4'], ['changed 4']],
    [
      'an address erased too early',
      ['UPDATE audit_event SET ip = NULL, user_agent = NULL, salt = NULL WHERE position = 4'],
      ['erased 4'],
    ],
    [
      'a new address in place of an erased one',
      ["UPDATE audit_event SET ip = '198.51.100.1', salt = NULL WHERE position = 4"],
      ['changed 4'],
    ],
    ['a removed event', ['DELETE FROM audit_event WHERE position = 4'], ['missing 4-4', 'unproven 5']],
    [
      'several removed events',
      ['DELETE FROM audit_event WHERE position BETWEEN 3 AND 6'],
      ['missing 3-6', 'unproven 7'],
    ],
    ['a removed first event', ['DELETE FROM audit_event WHERE position = 1'], ['missing 1-1', 'unproven 2']],
    ['a removed last event', ['DELETE FROM audit_event WHERE position = 10'], ['missing 10-10']],
    ['the removal of all events', ['DELETE FROM audit_event'], ['missing 1-10']],
    [
      'an event removed from the chain',
      ['UPDATE audit_event SET position = NULL WHERE position = 4'],
      ['missing 4-4', 'unproven 5'],
    ],
    [
      'two swapped events',
      [
        'UPDATE audit_event SET position = -1 WHERE position = 4',
        'UPDATE audit_event SET position = 4 WHERE position = 7',
        'UPDATE audit_event SET position = 7 WHERE position = -1',
      ],
      ['changed 4', 'changed 5', 'changed 7', 'changed 8'],
    ],
    [
      'a copy of another event in a gap',
      [
        'DELETE FROM audit_event WHERE position = 4',
        'INSERT INTO audit_event (id, action, position, mac, salt, origin_hash) SELECT gen_random_uuid(), action, 4, mac, salt, origin_hash FROM audit_event WHERE position = 3',
      ],
      ['changed 4', 'changed 5'],
    ],
    [
      'an event added at the end',
      [
        'INSERT INTO audit_event (id, action, position, mac, salt, origin_hash) SELECT gen_random_uuid(), action, 11, mac, salt, origin_hash FROM audit_event WHERE position = 10',
      ],
      ['added 11'],
    ],
    [
      'an event added before the beginning',
      ["INSERT INTO audit_event (id, action, position) VALUES (gen_random_uuid(), 'user.created', 0)"],
      ['added 0'],
    ],
    [
      'a moved end after a cut',
      [
        'DELETE FROM audit_event WHERE position > 6',
        'UPDATE audit_chain SET head_position = 6, head_mac = (SELECT mac FROM audit_event WHERE position = 6)',
      ],
      ['state_changed 6'],
    ],
    [
      'a moved beginning after a removal',
      [
        'UPDATE audit_chain SET anchor_position = 3, anchor_mac = (SELECT mac FROM audit_event WHERE position = 3)',
        'DELETE FROM audit_event WHERE position <= 3',
      ],
      ['state_changed 10'],
    ],
    [
      'a forged permission to erase',
      [
        "UPDATE audit_chain SET erased_before = now() + interval '1 day'",
        'UPDATE audit_event SET ip = NULL, user_agent = NULL, salt = NULL',
      ],
      ['state_changed 10'],
    ],
    ['a removed state', ['DELETE FROM audit_chain'], ['state_changed 0']],
  ];

  it.each(tampering)('%s', async (_, statements, found) => {
    await sealed(10);
    for (const sql of statements) await db.$executeRawUnsafe(sql);
    expect(await problems()).toEqual(found);
    // Sealing more events does not hide it. On a changed state or a taken position, nothing is sealed.
    await record(2);
    const broken = await seal().then(
      () => false,
      () => true,
    );
    expect(broken).toBe(found.some((problem) => /^state_changed|^added 11$/.test(problem)));
    expect(await problems()).toEqual(expect.arrayContaining(found));
  });

  it('a change in a chain of thousands, in any batch', { timeout: 60_000 }, async () => {
    await db.$executeRaw`INSERT INTO audit_event (id, action) SELECT gen_random_uuid(), 'login.succeeded' FROM generate_series(1, 2500)`;
    await seal();
    expect(await problems()).toEqual([]);
    for (const position of [1000, 1001, 2000, 2500]) {
      await db.$executeRaw`UPDATE audit_event SET action = 'login.failed' WHERE position = ${position}`;
      expect(await problems()).toEqual([`changed ${position}`]);
      await db.$executeRaw`UPDATE audit_event SET action = 'login.succeeded' WHERE position = ${position}`;
    }
  });

  it('at most a hundred problems', async () => {
    await sealed(150);
    await db.$executeRaw`UPDATE audit_event SET action = 'login.failed'`;
    expect(await problems()).toHaveLength(100);
  });
});

describe('a head that was kept elsewhere', () => {
  it('still matches after the chain has grown', async () => {
    const head = await sealed(5);
    await sealed(5);
    expect(await problems(head)).toEqual([]);
  });

  it('shows events that were cut off together with a restored state', async () => {
    await sealed(5);
    const [before] = await db.auditChain.findMany();
    const head = await sealed(5);
    await db.$executeRaw`DELETE FROM audit_event WHERE position > 5`;
    await db.auditChain.update({ where: { id: 1 }, data: before as NonNullable<typeof before> });
    expect(await problems()).toEqual([]);
    expect(await problems(head)).toEqual(['cut_off 6-10']);
  });

  it('shows a chain that was rebuilt by an attacker with the keys', async () => {
    const head = await sealed(5);
    await db.$executeRaw`DELETE FROM audit_event`;
    await beginChainAnew(app.deps);
    await sealed(8);
    expect(await problems()).toEqual([]);
    expect(await problems(head)).toEqual(['other_head 5']);
  });
});

describe('retention', () => {
  it('purges events that are too old, and the chain holds from its new beginning', async () => {
    await record(300);
    await age(400, 'true');
    await seal();
    await record(20);
    expect(await retain()).toEqual({ purged: 300, erased: 0 });
    const { events, anchor, head, problems } = await verify();
    expect([events, anchor.position, head.position, problems]).toEqual([20, 300, 320, []]);
    await sealed(5);
    expect((await verify()).problems).toEqual([]);
  });

  it('leaves removed or added events around the new beginning detectable', async () => {
    await record(10);
    await age(400, 'true');
    const old = await sealed(0);
    await sealed(10);
    await retain();
    expect(await problems(old)).toEqual([]);
    expect(await problems({ ...old, position: 9 })).toEqual(['head_purged 9']);
    expect(await problems({ ...old, mac: '0'.repeat(64) })).toEqual(['other_head 10']);
    await db.$executeRaw`INSERT INTO audit_event (id, action, position) VALUES (gen_random_uuid(), 'user.created', 3)`;
    await db.$executeRaw`DELETE FROM audit_event WHERE position = 11`;
    expect(await problems()).toEqual(['missing 11-11', 'unproven 12', 'added 3']);
  });

  it('purges no event whose time was changed, and nothing after it, and logs that', async () => {
    await sealed(10);
    await age(400, 'position <= 5');
    expect(await retain()).toEqual({ purged: 0, erased: 5 });
    expect(await db.auditEvent.count()).toBe(10);
    expect((await problems()).slice(0, 5)).toEqual([1, 2, 3, 4, 5].map((position) => `changed ${position}`));
    expect(app.logs.at(-1)).toMatchObject({ position: 1, msg: expect.stringMatching(/nothing after it is purged/) });
  });

  it('erases address and user agent of old events that stay, and the chain holds', async () => {
    // Committed late, so newer events come before the old ones.
    await sealed(3);
    await record(2);
    await age(400, 'position IS NULL');
    await seal();
    expect(await retain()).toEqual({ purged: 0, erased: 2 });
    const rows = await db.auditEvent.findMany({ orderBy: { position: 'asc' } });
    expect(rows.map(({ ip }) => ip)).toEqual([caller.address, caller.address, caller.address, null, null]);
    expect(
      rows.slice(3).every(({ userAgent, salt, originHash }) => userAgent === null && salt === null && originHash),
    ).toBe(true);
    expect(await problems()).toEqual([]);
    await db.$executeRaw`UPDATE audit_event SET ip = NULL, user_agent = NULL, salt = NULL WHERE position = 2`;
    expect(await problems()).toEqual(['erased 2']);
  });

  it('does nothing if the state was changed', async () => {
    await sealed(3);
    await db.$executeRaw`UPDATE audit_chain SET proof = mac FROM audit_event WHERE position = 1`;
    await expect(retain(1)).rejects.toThrow(/state of the audit chain was changed/);
    expect(await db.auditEvent.count()).toBe(3);
  });
});

describe('the audit key', () => {
  it('has its own purpose, is never in the JWKS, and cannot be revoked', async () => {
    const { kid } = app.deps.keys.active('audit');
    expect(app.deps.keys.find('refresh', kid)).toBeUndefined();
    expect(JSON.stringify(app.deps.keys.jwks())).not.toContain(kid);
    await expect(revokeKey(app.deps, kid, {})).rejects.toThrow(/audit chain cannot be revoked/);
  });
});

afterEach(() => {
  const failures = app.logs.filter(
    ({ level, msg }) => Number(level) >= 50 && !/nothing after it is purged/.test(String(msg)),
  );
  expect(failures).toEqual([]);
});
