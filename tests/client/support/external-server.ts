import { createHash } from 'node:crypto';

type Sent = { line: string; body: Record<string, string> };

/** A server that a provider's answers come to, as far as a client sees it: what it answers is up to the test. */
export type ExternalServer = {
  fetch: typeof fetch;
  sent: Sent[];
  /** The next answers to a code: problems' codes, else a session begins. */
  refusals: { status: number; code: string; [member: string]: unknown }[];
  /** The provider's answer to the latest flow, as it arrives at the client. */
  answer(changed?: Record<string, string | undefined>): string;
};

export const user = {
  id: '0190a0a0-0000-7000-8000-000000000001',
  username: 'ada',
  email: 'ada@corp.example',
  email_verified: true,
  roles: [],
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
};

const external = { provider: 'corp', email: 'ada@corp.example', email_verified: true, name: 'Ada' };

const tokens = {
  token_type: 'Bearer',
  access_token: 'an-access-token',
  refresh_token: 'a-refresh-token',
  expires_in: 900,
  refresh_expires_in: 86400,
  session_id: 'a-session',
  device_token: 'a-device-token',
  user,
};

export function createExternalServer(url: string): ExternalServer {
  const sent: Sent[] = [];
  const refusals: ExternalServer['refusals'] = [];
  let asked: Record<string, string> = {};

  function answerTo({ line, body }: Sent): Response {
    if (line === 'POST /auth/external') {
      asked = body;
      return Response.json({ url: 'https://corp.example/authorize?state=theirs', expires_in: 600 });
    }
    const { status, ...refusal } = refusals.shift() ?? {};
    if (status)
      return new Response(JSON.stringify(refusal), { status, headers: { 'Content-Type': 'application/problem+json' } });
    if (line === 'POST /me/identities') return Response.json({ id: 'an-identity', provider: 'corp' }, { status: 201 });
    return Response.json({ ...tokens, ...(line === 'POST /auth/external/token' && { external }) });
  }

  return {
    sent,
    refusals,
    async fetch(input, init) {
      const request = new Request(input, init);
      const line = `${request.method} ${request.url.slice(url.length)}`;
      const one = { line, body: JSON.parse((await request.text()) || '{}') };
      sent.push(one);
      return Object.defineProperty(answerTo(one), 'url', { value: request.url });
    },
    answer(changed = {}) {
      const answer = new URL(asked.redirect_uri ?? '');
      const members = { code: 'a-code', state: asked.state, iss: url, ...changed };
      for (const [name, value] of Object.entries(members))
        if (value !== undefined) answer.searchParams.set(name, value);
      return answer.href;
    },
  };
}

/** The challenge that this verifier meets. */
export function s256(verifier = ''): string {
  return createHash('sha256').update(verifier).digest('base64url');
}
