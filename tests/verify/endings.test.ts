import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startStub } from './support/stub.js';
import { answerTo, startIssuer, startVerifier, timeUntil } from './support/verifiers.js';

describe.each(['stream', 'poll'] as const)('With revocations: %s, a service', (revocations) => {
  const soon = revocations === 'stream' ? 500 : 2_500;

  it('refuses a session’s tokens soon after its end, and no others', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, revocations });
    const [token, other] = [issuer.token(), issuer.token()];
    expect(await answerTo(verifier, token)).toBe('accepted');
    issuer.endSession(token);
    expect(await timeUntil('session_revoked', verifier, token)).toBeLessThan(soon);
    expect(await answerTo(verifier, other)).toBe('accepted');
  });

  it('refuses tokens of before a change of roles, and takes those of after it', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, revocations });
    const sub = randomUUID();
    const before = issuer.token({ sub });
    issuer.changeRoles(sub);
    expect(await timeUntil('token_stale', verifier, before)).toBeLessThan(soon);
    expect(await answerTo(verifier, issuer.token({ sub }))).toBe('accepted');
  });

  it('goes on while keys rotate, and refuses a revoked key’s tokens soon', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, revocations });
    const before = issuer.token();
    issuer.rotateKeys();
    const after = issuer.token();
    // The next key was known before it signed, as at Gatelatch.
    expect(await answerTo(verifier, after)).toBe('accepted');
    expect(await answerTo(verifier, before)).toBe('accepted');
    issuer.rotateKeys({ revokeOld: true });
    expect(await timeUntil('invalid_token', verifier, before)).toBeLessThan(soon);
    expect(await answerTo(verifier, after)).toBe('invalid_token');
    expect(await answerTo(verifier, issuer.token())).toBe('accepted');
  });

  it('answers 503 once it has heard nothing for maxStaleness, never 401, and is good again by itself', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, revocations, maxStaleness: 3 });
    const [token, ended] = [issuer.token(), issuer.token()];
    issuer.endSession(ended);
    await timeUntil('session_revoked', verifier, ended);
    issuer.freeze();
    const frozen = performance.now();
    expect(await answerTo(verifier, token)).toBe('accepted');
    const refusedAfter = await timeUntil('temporarily_unavailable', verifier, token);
    expect(refusedAfter).toBeLessThan(3_100);
    expect(performance.now() - frozen).toBeGreaterThan(1_000);
    expect(verifier.lag()).toBeGreaterThan(3_000);
    // What is known stays known.
    expect(await answerTo(verifier, ended)).toBe('session_revoked');
    expect(await answerTo(verifier, issuer.forged('wrong-key'))).toBe('invalid_token');
    issuer.thaw();
    await timeUntil('accepted', verifier, token);
    expect(verifier.lag()).toBeLessThan(3_000);
    expect(await answerTo(verifier, ended)).toBe('session_revoked');
  });

  it('stays young while nothing happens', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, revocations, maxStaleness: 3 });
    const token = issuer.token();
    for (let second = 0; second < 5; second += 1) {
      expect(await answerTo(verifier, token)).toBe('accepted');
      await sleep(1_000);
    }
    expect(verifier.told).toEqual([]);
  });
});

describe('A service whose stream is held back by a proxy', () => {
  it('asks for the list each second, and tells its log once', async () => {
    const issuer = await startIssuer();
    const { url } = await startStub(async (req, res) => {
      if (req.url === '/.well-known/revocations/stream') return;
      const answer = await fetch(`${issuer.options.issuer}${req.url}`);
      res.end(await answer.text());
    });
    const verifier = await startVerifier({ ...issuer.options, url, maxStaleness: 3 });
    const [token, ended] = [issuer.token(), issuer.token()];
    issuer.endSession(ended);
    expect(await timeUntil('session_revoked', verifier, ended)).toBeLessThan(2_500);
    for (let second = 0; second < 8; second += 1) {
      expect(await answerTo(verifier, token)).toBe('accepted');
      await sleep(1_000);
    }
    expect(verifier.told).toHaveLength(1);
  });
});

describe('A service that may accept what it cannot know (onStale)', () => {
  it('says so once, and still refuses what it knows has ended', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, maxStaleness: 3, onStale: 'accept' });
    const [token, ended] = [issuer.token(), issuer.token()];
    issuer.endSession(ended);
    await timeUntil('session_revoked', verifier, ended);
    issuer.freeze();
    await expect.poll(verifier.lag).toBeGreaterThan(3_000);
    for (let n = 0; n < 3; n += 1) expect(await answerTo(verifier, token)).toBe('accepted');
    expect(await answerTo(verifier, ended)).toBe('session_revoked');
    expect(verifier.told.filter((line) => line.includes('too old'))).toHaveLength(1);
  });
});

describe('A service without the list', () => {
  it('accepts a token until its exp', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, revocations: 'off' });
    const token = issuer.token();
    issuer.endSession(token);
    await sleep(1_500);
    expect(await answerTo(verifier, token)).toBe('accepted');
    expect(verifier.lag()).toBe(0);
    expect(await answerTo(verifier, issuer.forged('unknown-key'))).toBe('invalid_token');
  });
});
