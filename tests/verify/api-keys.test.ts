import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startStub } from './support/stub.js';
import { answerTo, codeOf, newVerifier, startIssuer, startVerifier, timeUntil } from './support/verifiers.js';

const soon = 500;

describe('An API key', () => {
  it('opens what its scopes say, where the service may ask', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier(issuer.options);
    const sub = randomUUID();
    const key = issuer.apiKey({ sub, scopes: ['orders:write', 'orders:read'], roles: ['robot'] });
    const claims = await verifier.verify(key, { permission: 'orders:read' });
    expect(claims).toMatchObject({ sub, kind: 'api_key', scope: 'orders:read orders:write', roles: ['robot'] });
    expect(await answerTo(verifier, key, 'users:read')).toBe('forbidden');
  });

  it('is asked about once, then it is remembered, and refused as soon as the list names it', async () => {
    const issuer = await startIssuer();
    const key = issuer.apiKey({ scopes: ['orders:read'] });
    const { verifier, asked } = await watched(issuer.options);
    for (let n = 0; n < 5; n += 1) expect(await answerTo(verifier, key)).toBe('accepted');
    expect(questions(asked)).toBe(1);
    issuer.endSession(key);
    expect(await timeUntil('api_key_revoked', verifier, key)).toBeLessThan(2_500);
    expect(questions(asked)).toBe(1);
  });

  it('is asked about again when its owner’s roles change, and is never stale', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier(issuer.options);
    const sub = randomUUID();
    const [key, token] = [issuer.apiKey({ sub, scopes: ['orders:read'] }), issuer.token({ sub })];
    const before = await verifier.verify(key);
    issuer.changeRoles(sub);
    expect(await timeUntil('token_stale', verifier, token)).toBeLessThan(soon);
    const after = await verifier.verify(key);
    expect([before.ver, after.ver]).toEqual([0, 1]);
  });

  it('is refused where nobody knows it, once it has expired, and where the service may not ask', async () => {
    const [issuer, other] = [await startIssuer(), await startIssuer()];
    const verifier = await startVerifier(issuer.options);
    expect(await answerTo(verifier, other.apiKey({ scopes: ['orders:read'] }))).toBe('invalid_token');
    expect(await answerTo(verifier, issuer.apiKey({ scopes: ['orders:read'], expiresIn: -1 }))).toBe('invalid_token');
    const without = await startVerifier({ ...issuer.options, apiKey: undefined });
    expect(await answerTo(without, issuer.apiKey({ scopes: ['orders:read'] }))).toBe('invalid_token');
  });

  it('with a wrong checksum makes no request', async () => {
    const issuer = await startIssuer();
    const { verifier, asked } = await watched(issuer.options);
    const key = issuer.apiKey({ scopes: ['orders:read'] });
    const wrong = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
    expect(await answerTo(verifier, wrong)).toBe('invalid_token');
    expect(questions(asked)).toBe(0);
  });

  it('is 503 while nobody can be asked, and says in the log why if the service’s own key is bad', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, apiKey: 'glk_bad' });
    const key = issuer.apiKey({ scopes: ['orders:read'] });
    expect(await answerTo(verifier, key)).toBe('temporarily_unavailable');
    expect(verifier.told.join()).toContain('tokens:introspect');
    expect(verifier.told.join()).not.toContain(key);
    const unheard = newVerifier({ issuer: 'http://127.0.0.1:9', apiKey: 'glk_any' });
    expect(await unheard.verify(key).catch(codeOf)).toBe('temporarily_unavailable');
  });

  it('that is good is let in while strangers show made-up ones, of which Gatelatch hears few', async () => {
    const issuer = await startIssuer();
    const { verifier, asked } = await watched(issuer.options);
    const other = await startIssuer();
    const key = issuer.apiKey({ scopes: ['orders:read'] });
    expect(await answerTo(verifier, key)).toBe('accepted');
    const madeUp = () => other.apiKey({ scopes: ['orders:read'] });
    const answers = await Promise.all(Array.from({ length: 200 }, () => answerTo(verifier, madeUp())));
    expect(answers.filter((one) => one === 'temporarily_unavailable').length).toBeGreaterThan(150);
    for (let n = 0; n < 60; n += 1) await answerTo(verifier, madeUp());
    expect(questions(asked)).toBeLessThan(80);
    const owner = (await verifier.verify(key)).sub;
    issuer.changeRoles(owner);
    await expect.poll(async () => (await verifier.verify(key)).ver).toBe(1);
  });

  it('about which Gatelatch says less than the list knows is asked about once more, then it is 503', async () => {
    const issuer = await startIssuer();
    const sub = randomUUID();
    const key = issuer.apiKey({ sub, scopes: ['orders:read'] });
    const { verifier, asked, old } = await watched(issuer.options);
    await verifier.verify(key);
    old.introspections = true;
    issuer.changeRoles(sub);
    await expect.poll(() => answerTo(verifier, key)).toBe('temporarily_unavailable');
    expect(questions(asked)).toBe(3);
    old.introspections = false;
    expect(await answerTo(verifier, key)).toBe('accepted');
  });

  it('that was remembered is not believed once the list is too old', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, maxStaleness: 3 });
    const key = issuer.apiKey({ scopes: ['orders:read'] });
    expect(await answerTo(verifier, key)).toBe('accepted');
    issuer.freeze();
    await expect.poll(verifier.lag).toBeGreaterThan(3_000);
    expect(await answerTo(verifier, key)).toBe('temporarily_unavailable');
  });
});

/** A verifier whose requests are counted; the list is polled. */
async function watched({ issuer, audience, apiKey }: { issuer: string; audience: string; apiKey: string }) {
  // Answers of an instance that does not know yet: the first ones are given again.
  const old = { introspections: false, first: Buffer.alloc(0) };
  const { url, asked } = await startStub((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', async () => {
      const headers = new Headers();
      for (const name of ['authorization', 'content-type', 'if-none-match'])
        if (req.headers[name]) headers.set(name, String(req.headers[name]));
      const body = req.method === 'POST' ? { body: Buffer.concat(chunks) } : {};
      const answer = await fetch(`${issuer}${req.url}`, { method: req.method ?? 'GET', headers, ...body });
      const etag = answer.headers.get('etag');
      const given = Buffer.from(await answer.arrayBuffer());
      const isIntrospection = req.method === 'POST';
      if (isIntrospection && !old.introspections) old.first = given;
      const told = isIntrospection && old.introspections ? old.first : given;
      res.writeHead(answer.status, etag === null ? {} : { ETag: etag }).end(told);
    });
  });
  const verifier = await startVerifier({ issuer, audience, apiKey, url, revocations: 'poll' });
  return { verifier, asked, old };
}

function questions(asked: string[]): number {
  return asked.filter((line) => line === 'POST /oauth/introspect').length;
}
