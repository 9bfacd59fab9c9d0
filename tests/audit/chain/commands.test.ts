import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditCommands } from '../../../src/audit/chain/commands.js';
import { sealAudit } from '../../../src/audit/chain/seal.js';
import { type Args, UsageError } from '../../../src/platform/cli/command.js';
import { startApp, type TestApp } from '../../support/app.js';

const argsOf = (head?: string): Args => ({
  positionals: [],
  text: () => head,
  flag: () => false,
  list: () => [],
});

describe('audit verify', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
    for (let count = 0; count < 5; count++) await app.signUp();
    await sealAudit(app.deps);
  });
  afterAll(() => app.stop());

  const [command] = auditCommands;
  const verify = async (head?: string, { keys, ...ground } = app.deps) => {
    const result = await command?.run(
      head === 'alone' ? ground : { ...ground, keys },
      argsOf(head === 'alone' ? undefined : head),
    );
    if (!result) throw new Error('There is no command');
    return result;
  };

  it('says that the chain holds, and prints a head that it accepts later', async () => {
    const { json, text, exitCode } = await verify();
    expect(exitCode).toBe(0);
    expect(text).toMatch(/^The chain holds: 5 events\.\nHead: 5:[0-9a-f]{64}$/);
    expect((await verify((json as { head: string }).head)).exitCode).toBe(0);
  });

  it('opens the key itself if no server runs', async () => expect((await verify('alone')).exitCode).toBe(0));

  it.each(['5', '5:abc', `0:${'0'.repeat(64)}`, `x:${'0'.repeat(64)}`, ''])('refuses the head %j', async (head) => {
    await expect(verify(head)).rejects.toThrow(UsageError);
  });

  it('prints each problem on one line, and fails', async () => {
    await app.deps.db.$executeRaw`UPDATE audit_event SET action = 'user.enabled' WHERE position = 2`;
    await app.deps.db.$executeRaw`DELETE FROM audit_event WHERE position >= 4`;
    const { json, text, exitCode } = await verify(`9:${'0'.repeat(64)}`);
    expect(exitCode).toBe(1);
    expect(text.split('\n')).toEqual([
      'Events 6 to 9: each existed when this head was logged, and was cut off.',
      expect.stringMatching(/^Event 2 \([0-9a-f-]{36}\) was changed\.$/),
      'Events 4 to 5: each is missing.',
    ]);
    expect(json).toMatchObject({
      holds: false,
      problems: [{ kind: 'cut_off' }, { kind: 'changed' }, { kind: 'missing' }],
    });
  });

  it('holds again after audit begin, which needs --yes', async () => {
    const begin = (flag: boolean) => auditCommands[1]?.run(app.deps, { ...argsOf(), flag: () => flag });
    await expect(begin(false)).rejects.toThrow(UsageError);
    expect((await begin(true))?.text).toMatch(/^The chain begins anew; 3 events/);
    await sealAudit(app.deps);
    expect((await verify()).text).toMatch(/^The chain holds: 3 events/);
  });
});
