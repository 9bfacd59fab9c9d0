import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkContract, type Exchange } from '../support/contract.js';
import { type ContractRequest, contractRequests, operations } from '../support/contract-requests.js';
import { logIn, newName, signUp, type Tokens } from '../support/instance.js';
import { startUnderAbuse, type UnderAbuse } from '../support/under-abuse.js';
import { recordRequest } from '../support/witness.js';

const admin = { username: newName(), password: 'nobody guesses the admin' };
const forMs = 40_000;

let server: UnderAbuse;
beforeAll(async () => {
  server = await startUnderAbuse({ ADMIN_USERNAME: admin.username, ADMIN_PASSWORD: admin.password });
});
afterAll(() => server.stop());

/** The users who send requests, with new sessions when a request has ended theirs. */
async function startAskers() {
  let user: Tokens & { ids: string[] };
  let administrator: Tokens;
  const newcomer = async () => {
    const tokens = await signUp(server);
    const todo = await recordRequest(server.url, 'POST /todos', { bearer: tokens.access, body: { title: 'one' } });
    return { ...tokens, ids: [todo.body.id, tokens.sessionId, tokens.userId] };
  };
  const logInAdmin = () => logIn(server, admin.username, admin.password);
  [user, administrator] = [await newcomer(), await logInAdmin()];
  return {
    living: () => ({ ids: user.ids, refresh_token: user.refresh, username: user.username }),
    bearerOf: (as: ContractRequest['as']) =>
      ({ nobody: undefined, user: user.access, admin: administrator.access })[as],
    async renew(as: ContractRequest['as']) {
      if (as === 'user') user = await newcomer();
      if (as === 'admin') administrator = await logInAdmin();
    },
  };
}

/** What a stream begins with: it never ends by itself. */
async function firstOf(answer: IncomingMessage): Promise<string> {
  for await (const chunk of answer) return String(chunk);
  return '';
}

async function send({ operation, path, headers, body }: ContractRequest, bearer?: string): Promise<Exchange> {
  const authorization = bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` };
  // Sent as it is, because a URL object would normalise it.
  const { hostname, port } = new URL(server.url);
  const options = { hostname, port, path, method: operation.method, headers: { ...authorization, ...headers } };
  return new Promise((resolve, reject) => {
    const asking = request(options, async (answer) => {
      const { statusCode: status = 0, headers } = answer;
      const isStream = headers['content-type'] === 'text/event-stream';
      const body = await (isStream ? firstOf(answer) : text(answer));
      resolve({ method: operation.method, path, status, headers, text: body });
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

it(
  'any request to any endpoint gets a response that the contract documents, and never a 5xx',
  {
    timeout: forMs + 60_000,
  },
  () =>
    server.endure(`${forMs / 1000} s of made-up requests`, async () => {
      const askers = await startAskers();
      const asked = new Map<string, number>();
      const statuses = new Map<number, number>();
      const count = <Key>(counts: Map<Key, number>, key: Key) => counts.set(key, (counts.get(key) ?? 0) + 1);
      await fc.assert(
        fc.asyncProperty(contractRequests(askers.living), async (made) => {
          const answer = await send(made, askers.bearerOf(made.as));
          count(asked, `${made.operation.method} ${made.operation.path}`);
          count(statuses, answer.status);
          expect(answer.status, answer.text).toBeLessThan(500);
          checkContract(answer);
          if (/session_revoked|token_stale/.test(answer.text)) await askers.renew(made.as);
        }),
        { numRuns: 1_000_000, interruptAfterTimeLimit: forMs, markInterruptAsFailure: false },
      );
      expect(asked.size).toBe(operations.length);
      const least = Math.min(...asked.values());
      expect(least).toBeGreaterThan(5);
      const told = [...statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${times} × ${status}`);
      console.info(`  each of ${asked.size} endpoints asked at least ${least} times: ${told.join(', ')}`);
    }),
);
