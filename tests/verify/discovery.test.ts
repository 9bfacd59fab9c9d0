import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createVerifier } from '../../verify/src/index.js';
import { startStub } from './support/stub.js';
import { answerTo, newVerifier, startIssuer, startVerifier } from './support/verifiers.js';

/** Metadata as Gatelatch writes it, with changes; nothing else is there. */
async function startWith(change: (url: string) => Record<string, unknown>) {
  return startStub((req, res, url) => {
    if (!req.url?.startsWith('/.well-known/oauth-authorization-server')) return res.writeHead(404).end();
    const known = `${url}/.well-known`;
    const metadata = { issuer: url, jwks_uri: `${known}/jwks.json`, gatelatch_revocations_uri: `${known}/revocations` };
    return res.end(JSON.stringify({ ...metadata, ...change(url) }));
  });
}

describe('What is wrong is said by ready(), and nobody is let in:', () => {
  it.each<[string, (url: string) => Record<string, unknown>, string]>([
    ['the metadata is of another issuer', () => ({ issuer: 'https://evil.example' }), 'https://evil.example'],
    ['the keys are elsewhere', () => ({ jwks_uri: 'https://evil.example/keys' }), 'names another origin'],
    ['there is no list', () => ({ gatelatch_revocations_uri: undefined }), 'has no gatelatch_revocations_uri'],
    ['there is no stream', () => ({}), 'has no gatelatch_revocations_stream_uri'],
  ])('%s', async (_, change, message) => {
    const { url } = await startWith(change);
    const verifier = newVerifier({ issuer: url });
    await expect(verifier.ready(1)).rejects.toThrow(message);
    const { token } = await startIssuer();
    expect(await answerTo(verifier, token())).toBe('temporarily_unavailable');
  });

  it('Gatelatch is not there', async () => {
    const verifier = newVerifier({ issuer: 'http://127.0.0.1:9' });
    await expect(verifier.ready(0.5)).rejects.toThrow('Nothing was heard from http://127.0.0.1:9.');
    const began = performance.now();
    const { token } = await startIssuer();
    expect(await answerTo(verifier, token())).toBe('temporarily_unavailable');
    expect(performance.now() - began).toBeLessThan(3_500);
  });

  it('it redirects, or sends more than 2 MiB', async () => {
    const issuer = await startIssuer();
    for (const wrong of [
      { status: 302, headers: { Location: `${issuer.options.issuer}/.well-known/oauth-authorization-server` } },
      { status: 200, body: `{"issuer":"${'x'.repeat(2 * 1024 * 1024)}"}` },
    ]) {
      const { url } = await startStub((_, res) => res.writeHead(wrong.status, wrong.headers ?? {}).end(wrong.body));
      const verifier = newVerifier({ ...issuer.options, url });
      await expect(verifier.ready(1)).rejects.toThrow(wrong.status === 302 ? 'answered 302' : 'broke off');
    }
  });
});

describe('The metadata', () => {
  it('of an issuer with a path is where RFC 8414 says, and its endpoints are reached by `url`', async () => {
    const { url, asked } = await startStub((_, res) =>
      res.end(
        JSON.stringify({
          issuer: 'https://login.example.com/auth',
          jwks_uri: 'https://login.example.com/auth/.well-known/jwks.json',
        }),
      ),
    );
    newVerifier({ issuer: 'https://login.example.com/auth', url: `${url}/inside`, revocations: 'off' });
    await expect.poll(() => asked.length).toBeGreaterThan(1);
    expect(asked.slice(0, 2)).toEqual([
      'GET /.well-known/oauth-authorization-server/inside',
      'GET /inside/.well-known/jwks.json',
    ]);
  });
});

describe('Forged tokens', () => {
  it.each([
    ['poll', 1],
    // The set is not fetched anew for each unknown key.
    ['off', 1],
  ] as const)('of unknown keys make no requests (%s)', async (revocations, most) => {
    const issuer = await startIssuer();
    const { url, asked } = await startStub(async (req, res) => {
      const answer = await fetch(`${issuer.options.issuer}${req.url}`);
      res.end(await answer.text());
    });
    const verifier = await startVerifier({ ...issuer.options, url, revocations });
    for (let n = 0; n < 50; n += 1)
      expect(await answerTo(verifier, issuer.forged('unknown-key'))).toBe('invalid_token');
    expect(asked.filter((line) => line.endsWith('/jwks.json')).length).toBeLessThanOrEqual(most);
  });
});

describe('Options', () => {
  it.each<[Parameters<typeof createVerifier>[0], string]>([
    [{ issuer: 'http://login.example.com' }, 'url (or issuer)'],
    [{ issuer: 'https://user:secret@login.example.com' }, 'url (or issuer)'],
    [{ issuer: 'login.example.com' }, 'issuer'],
    [{ issuer: 'https://login.example.com', url: 'http://10.0.0.5' }, 'url'],
    [{ issuer: 'https://login.example.com', algorithms: [] }, 'algorithms'],
    [{ issuer: 'https://login.example.com', algorithms: ['none' as 'ES256'] }, 'algorithms'],
    [{ issuer: 'https://login.example.com', algorithms: ['HS256' as 'ES256'] }, 'algorithms'],
    [{ issuer: 'https://login.example.com', maxStaleness: 0 }, 'maxStaleness'],
    [{ issuer: 'https://login.example.com', clockTolerance: Number.NaN }, 'clockTolerance'],
    [{ issuer: 'https://login.example.com', realm: 'a "b"' }, 'realm'],
    [{ issuer: 'https://login.example.com', cookie: { name: 'a', origins: ['null'] } }, 'cookie.origins'],
  ])('that are wrong are refused by name (%#)', (options, name) => {
    expect(() => createVerifier(options)).toThrow(`The option ${name}`);
  });
});

describe('A list', () => {
  it('that lay somewhere is as old as it says, whenever it came', async () => {
    const issuer = await startIssuer();
    const list = `${issuer.options.issuer}/.well-known/revocations`;
    const old = await (await fetch(list)).text();
    const { url } = await startStub(async (req, res) => {
      if (req.url === '/.well-known/revocations') return res.end(old);
      const answer = await fetch(`${issuer.options.issuer}${req.url}`);
      return res.end(await answer.text());
    });
    const options = { ...issuer.options, url, revocations: 'poll' as const, maxStaleness: 3, clockTolerance: 0 };
    const verifier = await startVerifier(options);
    expect(await answerTo(verifier, issuer.token())).toBe('accepted');
    await sleep(5_000);
    expect(await answerTo(verifier, issuer.token())).toBe('temporarily_unavailable');
  });
});
