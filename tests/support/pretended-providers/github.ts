import { createCodes, faultOfRequest, random } from './codes.js';
import { type Asked, type Reply, startLoopbackServer } from './loopback-server.js';
import type { PretendedProvider } from './openid.js';

type Address = { email: string; primary: boolean; verified: boolean; visibility?: string | null };

export type GitHubUser = { id: number; login: string; name: string | null; emails: Address[] };

export type GitHub = PretendedProvider & {
  /** Who signs in next. */
  person: GitHubUser;
  wrong: {
    /** In place of the parameters with which the browser comes back. */
    answer?: Record<string, string | undefined>;
    /** In place of what `/user` says. */
    user?: Record<string, unknown>;
    /** In place of what `/user/emails` says. */
    emails?: unknown;
  };
};

const clientId = 'Iv1.0123456789abcdef';

/** A pretended GitHub Enterprise Server: OAuth without OpenID, and refusals with status 200. */
export async function startGitHub({ gatelatchUrl = 'http://localhost:3000' } = {}): Promise<GitHub> {
  const clientSecret = random();
  const codes = createCodes<GitHubUser>();
  const people = new Map<string, { person: GitHubUser; scopes: string[] }>();
  const secrets = new Map([['the client secret', clientSecret]]);
  const server = await startLoopbackServer((asked) => (routes[asked.path] ?? notFound)(asked));

  const github: GitHub = {
    name: 'github',
    server,
    secrets,
    person: {
      id: 583231,
      login: 'ada',
      name: 'Ada Lovelace',
      emails: [
        { email: 'old@github.example', primary: false, verified: true },
        { email: 'ada@github.example', primary: true, verified: true, visibility: 'private' },
      ],
    },
    wrong: {},
    settings: {
      PROVIDERS: 'github',
      PROVIDER_GITHUB_ISSUER: server.url,
      PROVIDER_GITHUB_CLIENT_ID: clientId,
      PROVIDER_GITHUB_CLIENT_SECRET: clientSecret,
    },
  };

  const routes: Record<string, (asked: Asked) => Reply> = {
    '/login/oauth/authorize': authorize,
    '/login/oauth/access_token': giveToken,
    '/api/v3/user': (asked) =>
      asUser(asked, ({ emails: _, ...user }) => ({ ...user, email: null, ...github.wrong.user })),
    '/api/v3/user/emails': (asked) => asUser(asked, ({ emails }) => github.wrong.emails ?? emails, 'user:email'),
  };

  function authorize({ query }: Asked): Reply {
    // GitHub does without response_type, and ignores it.
    query.set('response_type', 'code');
    const redirectUri = `${gatelatchUrl}/auth/callback/github`;
    const fault = faultOfRequest(query, { client_id: clientId, redirect_uri: redirectUri });
    if (fault) return { status: 400, body: fault };
    const code = codes.give(query, github.person);
    secrets.set(`a code of github ${secrets.size}`, code);
    const back = new URL(redirectUri);
    const answer = { code, state: query.get('state') ?? undefined, ...github.wrong.answer };
    for (const [name, value] of Object.entries(answer)) if (value !== undefined) back.searchParams.set(name, value);
    return { status: 302, headers: { Location: back.href } };
  }

  function giveToken({ method, form, headers }: Asked): Reply {
    if (method !== 'POST') return notFound();
    const [id, secret] = headers.authorization
      ? Buffer.from(headers.authorization.slice('Basic '.length), 'base64')
          .toString()
          .split(':')
          .map(decodeURIComponent)
      : [form.get('client_id'), form.get('client_secret')];
    const isClient = id === clientId && secret === clientSecret;
    const granted = isClient ? codes.take(form) : undefined;
    if (!granted)
      return inForm(headers, { error: isClient ? 'bad_verification_code' : 'incorrect_client_credentials' });
    const token = `gho_${random()}`;
    const scopes = (granted.query.get('scope') ?? '').split(' ');
    people.set(token, { person: granted.person, scopes });
    secrets.set(`access_token of github ${secrets.size}`, token);
    secrets.set(`code_verifier for github ${secrets.size}`, form.get('code_verifier') ?? '');
    return inForm(headers, { access_token: token, token_type: 'bearer', scope: scopes.join(',') });
  }

  function asUser({ headers }: Asked, tell: (person: GitHubUser) => unknown, scope?: string): Reply {
    if (!headers['user-agent']) return { status: 403, body: { message: 'Request forbidden: no User-Agent' } };
    const found = people.get(/^(?:Bearer|token) (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '');
    if (!found) return { status: 401, body: { message: 'Bad credentials' } };
    if (scope && !found.scopes.includes(scope)) return { status: 404, body: { message: 'Not Found' } };
    return { body: tell(found.person) };
  }
  return github;
}

const notFound = (): Reply => ({ status: 404, body: { message: 'Not Found' } });

/** JSON for who asks for it; by default a form. */
function inForm({ accept = '' }: Asked['headers'], members: Record<string, string>): Reply {
  if (accept.includes('application/json')) return { body: members };
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  return { headers, body: new URLSearchParams(members).toString() };
}
