import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { revokeKey, rotateKeys } from '../../src/keys/rotation.js';
import { insertApiKey } from '../support/api-keys.js';
import { goodPassword } from '../support/app.js';
import { type CheckingService, startCheckingService } from '../support/checking-service.js';
import { ask, type Operator, openOperator, print, signUp, type Tokens } from '../support/instance.js';
import { startTopology, type Topology } from '../support/topology.js';

/** From the answer of what ends something until another service refuses, in milliseconds, as the contract has it. */
const atTheLatest = 1_500;

const rounds = 200;
const atOnce = 4;

let topology: Topology;
let operator: Operator;
let admin: Tokens;
let services: Record<string, CheckingService> = {};

beforeAll(async () => {
  topology = await startTopology({ count: 2, settings: { RATE_LIMIT: 'off' } });
  const { AUTH_SECRET = '' } = topology.settings;
  operator = await openOperator(topology.primary.url, { AUTH_SECRET, JWT_ISSUER: topology.url });
  admin = await signUp(topology);
  await changeUser(operator, admin.userId, { roles: ['admin'] }, {}, 'all');
  const { body } = await ask(topology, 'POST /auth/refresh', { body: { refresh_token: admin.refresh } });
  admin = { ...admin, access: body.access_token };
  const { key: apiKey } = await insertApiKey({ deps: operator }, admin.userId, ['tokens:introspect']);
  const issuer = topology.url;
  const direct = { issuer, apiKey, url: `${topology.instances[0]?.url}` };
  services = {
    'the stream, directly': await startCheckingService(direct),
    'the stream, through nginx': await startCheckingService({ issuer, apiKey }),
    'the list, directly': await startCheckingService({ ...direct, revocations: 'poll' }),
    'the list, through nginx': await startCheckingService({ issuer, apiKey, revocations: 'poll' }),
  };
}, 120_000);
afterAll(async () => {
  for (const service of Object.values(services)) service.stop();
  await operator?.close();
  await topology?.stop();
});

const done = async (answer: Promise<{ status: number }>) => expect([200, 204]).toContain((await answer).status);
const change = ({ userId }: Tokens, body: object) =>
  done(ask(topology, `PATCH /admin/users/${userId}`, { bearer: admin.access, body }));

type Ending = {
  code: string;
  /** What opened the services until then, by default the user's access token. */
  shown?(user: Tokens): Promise<{ token: string; id: string }>;
  by(user: Tokens, id: string): Promise<unknown>;
};

const endings: Record<string, Ending> = {
  'a logout': {
    code: 'session_revoked',
    by: ({ access }) => done(ask(topology, 'POST /auth/logout', { bearer: access })),
  },
  'a change of roles': { code: 'token_stale', by: (user) => change(user, { roles: ['editor'] }) },
  'a disabling': { code: 'session_revoked', by: (user) => change(user, { disabled: true }) },
  'an API key’s revocation': {
    code: 'api_key_revoked',
    async shown({ access }) {
      const asked = { name: 'Nightly', scopes: ['todos:read'], password: goodPassword };
      const { body } = await ask(topology, 'POST /me/api-keys', { bearer: access, body: asked });
      return { token: body.key, id: body.id };
    },
    by: ({ access }, id) => done(ask(topology, `DELETE /me/api-keys/${id}`, { bearer: access })),
  },
};

/** How long each service took a token after the answer of what ended it. */
async function measure(token: string, code: string, end: () => Promise<unknown>): Promise<Record<string, number>> {
  const watched = await Promise.all(
    Object.entries(services).map(async ([name, service]) => ({ name, ...(await service.accept(token)) })),
  );
  await end();
  const ended = performance.now();
  const took = await Promise.all(
    watched.map(async ({ name, next }) => {
      const { answer, at } = await next;
      expect(answer).toBe(code);
      return [name, Math.max(0, at - ended)] as const;
    }),
  );
  for (const service of Object.values(services)) expect(await service.answerTo(token)).toBe(code);
  return Object.fromEntries(took);
}

function expectInTime(what: string, measured: Record<string, number>[]): void {
  for (const name of Object.keys(services)) {
    const took = measured.map((one) => one[name] ?? Number.NaN);
    print(`${what}, ${name}`, took);
    expect(Math.max(...took), name).toBeLessThan(atTheLatest);
  }
}

describe('A service in another process refuses within 1.5 s', { timeout: 300_000 }, () => {
  it('what a logout, new roles, a disabling or a revoked API key has ended, by stream and by list, directly and through nginx', async () => {
    const all = Object.entries(endings).map(async ([what, { code, shown, by }]) => {
      const measured: Record<string, number>[] = [];
      const lane = async () => {
        for (let round = 0; round < rounds / atOnce; round += 1) {
          const user = await signUp(topology);
          const { token, id } = (await shown?.(user)) ?? { token: user.access, id: '' };
          measured.push(await measure(token, code, () => by(user, id)));
        }
      };
      await Promise.all(Array.from({ length: atOnce }, lane));
      return { what, measured };
    });
    for (const { what, measured } of await Promise.all(all)) {
      expect(measured).toHaveLength(rounds);
      expectInTime(what, measured);
    }
  });

  it('the tokens of a revoked signing key, and goes on with those of the next', async () => {
    const kidOf = ({ access }: Tokens) =>
      JSON.parse(Buffer.from(`${access.split('.')[0]}`, 'base64url').toString()).kid as string;
    const measured: Record<string, number>[] = [];
    for (let round = 0; round < 20; round += 1) {
      const before = await signUp(topology);
      const kid = kidOf(before);
      // Makes the next key look as if it had been published for long enough.
      await operator.db
        .$executeRaw`UPDATE signing_key SET created_at = created_at - interval '1 hour' WHERE active_at IS NULL`;
      expect(await rotateKeys(operator, {})).toBe(true);
      await expect.poll(async () => kidOf(await signUp(topology)) === kid).toBe(false);
      measured.push(await measure(before.access, 'invalid_token', () => revokeKey(operator, kid, {})));
      const { access } = await signUp(topology);
      for (const service of Object.values(services)) expect(await service.answerTo(access)).toBe('accepted');
    }
    expectInTime('a signing key’s revocation', measured);
  });
});
