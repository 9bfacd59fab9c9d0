import { describe, expect, it } from 'vitest';
import { assertionSchema, enrolmentSchema } from '../../src/passkeys/answers.js';
import { type KeptKey, verifyAssertion, verifyEnrolment } from '../../src/passkeys/verify.js';
import { type Algorithm, coseKey, createAuthenticator, flag, newKey } from '../support/authenticator.js';

// No server: what is refused here never reaches the database. Over HTTP see sign-in.test.ts and enrolment.test.ts.

const site = { rpId: 'example.com', origins: ['https://app.example.com', 'https://example.com'] };
const here = { origin: 'https://app.example.com', rpId: 'example.com' };
const challenge = Buffer.alloc(61, 7).toString('base64url');
const userHandle = Buffer.from('user 1');
const user = { id: userHandle.toString('base64url') };

type Authenticator = ReturnType<typeof createAuthenticator>;
type Wrong = Parameters<Authenticator['get']>[1];

async function enrol(authenticator: Authenticator, wrong: Wrong = {}) {
  const answer = enrolmentSchema.parse(authenticator.create({ challenge, user }, wrong));
  return verifyEnrolment(site, answer, challenge);
}

async function enrolled(kind: Parameters<typeof createAuthenticator>[0] = {}) {
  const authenticator = createAuthenticator({ ...here, ...kind });
  const made = await enrol(authenticator);
  if (!made) throw new Error('The passkey was refused');
  const kept: KeptKey = { ...made, userHandle };
  return { authenticator, made, kept };
}

async function signIn(authenticator: Authenticator, kept: KeptKey | undefined, wrong: Wrong = {}) {
  const answer = assertionSchema.parse(authenticator.get({ challenge }, wrong));
  return verifyAssertion(site, answer, challenge, kept);
}

/** What both kinds of answers have. */
const wrongEverywhere: [string, Wrong][] = [
  ['another challenge', { challenge: Buffer.alloc(61, 8).toString('base64url') }],
  ['a challenge in other letters', { challenge: challenge.toUpperCase() }],
  ['another origin', { origin: 'https://evil.example' }],
  ['an origin with another port', { origin: 'https://app.example.com:444' }],
  ['an origin below ours', { origin: 'https://x.app.example.com' }],
  ['our origin without TLS', { origin: 'http://app.example.com' }],
  ['our origin and a path', { origin: 'https://app.example.com/' }],
  ['an app that is not listed', { origin: 'android:apk-key-hash:AAAA' }],
  ['no origin', { origin: 'null' }],
  ['a frame in another site', { crossOrigin: true }],
  ['a frame in another site that it names', { crossOrigin: true, topOrigin: 'https://evil.example' }],
  ['a frame in one of our own sites', { crossOrigin: true, topOrigin: 'https://example.com' }],
  ['a top origin alone', { topOrigin: 'https://example.com' }],
  ['a frame said in a word', { crossOrigin: 'true' }],
  ['another RP ID', { rpId: 'evil.example' }],
  ['an RP ID below ours', { rpId: 'app.example.com' }],
  ['an id that is not the raw one', { rawId: 'AAAA' }],
];

describe('An enrolment', () => {
  it.each<Algorithm>(['ES256', 'EdDSA', 'RS256'])('takes a key for %s', async (algorithm) => {
    const { made, authenticator } = await enrolled({ algorithm });
    expect(made).toMatchObject({ counter: 0, synced: true, transports: ['internal'] });
    expect(Buffer.from(made.credentialId).toString('base64url')).toBe(authenticator.credentialId);
  });

  it('tells a passkey that is bound to its device from a synced one', async () => {
    expect((await enrolled({ synced: false })).made.synced).toBe(false);
    expect((await enrolled({ synced: true })).made.synced).toBe(true);
  });

  it('takes an attestation that the passkey itself has signed', async () => {
    const authenticator = createAuthenticator(here);
    expect(await enrol(authenticator, { attestation: 'self' })).toBeDefined();
  });

  const up = flag.up | flag.uv | flag.at;
  it.each<[string, Wrong]>([
    ...wrongEverywhere,
    ['an answer to a sign-in', { type: 'webauthn.get' }],
    ['no user', { flags: up & ~flag.up }],
    ['a user who was not verified', { flags: up & ~flag.uv }],
    ['no key', { flags: up & ~flag.at }],
    ['a backup of what cannot be backed up', { flags: up | flag.bs }],
    ['extensions that are not there', { flags: up | flag.ed }],
    ['another id than that of the key', { id: 'AAAA', rawId: 'AAAA' }],
    [
      'an attestation by a certificate',
      {
        attestation: {
          fmt: 'packed',
          attStmt: new Map<string, unknown>([
            ['alg', -7],
            ['sig', Buffer.alloc(70)],
            ['x5c', [Buffer.alloc(100)]],
          ]),
        },
      },
    ],
    [
      'a wrong signature by itself',
      {
        attestation: {
          fmt: 'packed',
          attStmt: new Map<string, unknown>([
            ['alg', -7],
            ['sig', Buffer.alloc(70)],
          ]),
        },
      },
    ],
    ['a format that asks other servers', { attestation: { fmt: 'tpm', attStmt: new Map() } }],
    ['an unknown format', { attestation: { fmt: 'mine', attStmt: new Map() } }],
    ['a statement under no attestation', { attestation: { fmt: 'none', attStmt: new Map([['x', 1]]) } }],
  ])('refuses %s', async (_, wrong) => {
    expect(await enrol(createAuthenticator(here), wrong)).toBeUndefined();
  });

  const changed = (algorithm: Algorithm, key: ReturnType<typeof newKey>, changes: [number, unknown][] = []) =>
    new Map([...coseKey(key.publicKey, algorithm), ...changes]);
  it.each<[string, Map<number, unknown>]>([
    ['another curve for ES256', changed('ES256', newKey('ES256', 'P-384'))],
    ['a point that is not on the curve', changed('ES256', newKey('ES256'), [[-2, Buffer.alloc(32, 1)]])],
    ['RSA with 1024 bits', changed('RS256', newKey('RS256', '', 1024))],
    ['RSA with 8192 bits', changed('RS256', newKey('RS256'), [[-1, Buffer.alloc(1024, 255)]])],
    ['RSA with the exponent 3', changed('RS256', newKey('RS256'), [[-2, Buffer.from([3])]])],
    ['RSA under the name of ES256', changed('RS256', newKey('RS256'), [[3, -7]])],
    ['ES512', changed('ES256', newKey('ES256'), [[3, -36]])],
    ['PS256', changed('RS256', newKey('RS256'), [[3, -37]])],
    ['RS1', changed('RS256', newKey('RS256'), [[3, -65535]])],
    [
      'a key of secrets',
      new Map<number, unknown>([
        [1, 4],
        [3, 5],
        [-1, Buffer.alloc(32)],
      ]),
    ],
    ['a key with 11 kB beside it', changed('ES256', newKey('ES256'), [[-70_000, Buffer.alloc(11_000)]])],
    ['an empty key', new Map()],
  ])('refuses %s', async (_, publicKey) => {
    expect(await enrol(createAuthenticator(here), { publicKey })).toBeUndefined();
  });
});

describe('An answer to a sign-in', () => {
  it.each<Algorithm>(['ES256', 'EdDSA', 'RS256'])('is taken from a key for %s', async (algorithm) => {
    const { authenticator, kept } = await enrolled({ algorithm });
    expect(await signIn(authenticator, kept)).toEqual({ counter: 0, synced: true });
  });

  it('tells the counter, and does not judge it', async () => {
    const { authenticator, kept } = await enrolled({ counts: true, synced: false });
    expect(await signIn(authenticator, kept)).toEqual({ counter: 1, synced: false });
    expect(await signIn(authenticator, kept, { counter: 0 })).toEqual({ counter: 0, synced: false });
  });

  it('tells of an imported passkey whether it is synced', async () => {
    const { authenticator, kept } = await enrolled({ synced: false });
    expect(await signIn(authenticator, { ...kept, synced: undefined })).toEqual({ counter: 0, synced: false });
  });

  const flags = flag.up | flag.uv | flag.be | flag.bs;
  it.each<[string, Wrong]>([
    ...wrongEverywhere,
    ['an answer to an enrolment', { type: 'webauthn.create' }],
    ['no user', { flags: flags & ~flag.up }],
    ['a user who was not verified', { flags: flags & ~flag.uv }],
    ['a synced passkey that says it is bound to its device', { flags: flag.up | flag.uv }],
    ['a backup of what cannot be backed up', { flags: flag.up | flag.uv | flag.bs }],
    ['a key where none belongs', { flags: flags | flag.at }],
    ['another user', { userHandle: Buffer.from('user 2').toString('base64url') }],
    ['no user handle', { userHandle: undefined }],
    ['another key', { key: newKey('ES256') }],
    ['a signature over something else', { signed: (bytes) => Buffer.concat([bytes, bytes]) }],
    ['a signature over less', { signed: (bytes) => bytes.subarray(0, -1) }],
    ['a signature of nothing', { signature: Buffer.from('3006020100020100', 'hex') }],
    ['a signature of one byte', { signature: Buffer.from([0]) }],
  ])('is refused with %s', async (_, wrong) => {
    const { authenticator, kept } = await enrolled();
    expect(await signIn(authenticator, kept, wrong)).toBeUndefined();
  });

  it('is refused if the passkey is unknown', async () => {
    const { authenticator } = await enrolled();
    expect(await signIn(authenticator, undefined)).toBeUndefined();
  });

  it('is refused with a passkey bound to its device that says it is synced, by which it would count nothing', async () => {
    const { authenticator, kept } = await enrolled({ synced: false });
    expect(await signIn(authenticator, kept, { flags })).toBeUndefined();
  });

  it('is refused with a stored key that we would not have taken, as an import may bring it', async () => {
    const { authenticator, kept } = await enrolled();
    for (const publicKey of [Buffer.alloc(77), Buffer.alloc(0), Buffer.from('a0', 'hex')])
      expect(await signIn(authenticator, { ...kept, publicKey })).toBeUndefined();
  });

  it('takes as long for an unknown passkey as for a wrong signature', async () => {
    const { authenticator, kept } = await enrolled();
    const signature = authenticator.get({ challenge }, { key: newKey('ES256') }).response.signature;
    const wrong = { signature: Buffer.from(signature, 'base64url') };
    const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] };
    for (let round = 0; round < 200; round++)
      for (const [name, key] of [
        ['known', kept],
        ['unknown', undefined],
      ] as const) {
        const begun = performance.now();
        await signIn(authenticator, key, wrong);
        times[name].push(performance.now() - begun);
      }
    const median = (all: number[]) => all.sort((a, b) => a - b)[all.length / 2] ?? 0;
    expect(median(times.unknown) / median(times.known)).toBeCloseTo(1, 0);
  });
});
