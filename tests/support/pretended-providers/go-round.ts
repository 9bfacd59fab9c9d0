import type { Response } from 'supertest';
import type { TestApp } from '../app.js';
import { challengeOf, random } from './codes.js';
import type { PretendedProvider } from './openid.js';

type App = Pick<TestApp, 'http'> & Partial<Pick<TestApp, 'secrets'>>;

/** What a client keeps while its user is at the provider. */
export type Flow = { url: string; verifier: string; state: string };

/** What the browser brings back from the provider. */
export type Brought = {
  method: 'GET' | 'POST';
  path: string;
  parameters: Record<string, string>;
  /** The site that sent it. */
  from: string;
};

type Fields = Record<string, unknown>;

export type RoundOptions = {
  /** More for `POST /auth/external`, or in place of the usual. */
  external?: Fields;
  /** More for `POST /auth/external/token`, or in place of the usual. */
  token?: Fields;
};

export const redirectUri = 'http://localhost:3000/callback';

/** The first step of a client: makes a verifier, and asks where to send its user. */
export async function begin(app: App, { name }: Pick<PretendedProvider, 'name'>, fields: Fields = {}): Promise<Flow> {
  const [verifier, state] = [random(), random()];
  app.secrets?.add(`a verifier for ${name}`, verifier);
  const asked = { provider: name, redirect_uri: redirectUri, code_challenge: challengeOf(verifier), state, ...fields };
  const { body } = await app.http.post('/auth/external').send(asked).expect(200);
  return { url: body.url, verifier, state };
}

/** The browser at the provider, until it comes back. */
export async function visit(app: App, provider: PretendedProvider, url: string): Promise<Brought> {
  const answer = await fetch(url, { redirect: 'manual' });
  noteSecrets(app, provider);
  const [location, page] = [answer.headers.get('location'), await answer.text()];
  if (location) return brought('GET', url, location, [...new URL(location).searchParams]);
  const action = /<form method="post" action="([^"]*)">/.exec(page)?.[1];
  if (!action) throw new Error(`The provider refuses: ${answer.status} ${page}`);
  const inputs = [...page.matchAll(/<input name="([^"]*)" value="([^"]*)">/g)];
  const fields = inputs.map(([, name = '', value = '']): [string, string] => [name, unescaped(value)]);
  return brought('POST', url, action, fields);
}

function brought(method: Brought['method'], from: string, to: string, parameters: [string, string][]): Brought {
  const { pathname: path } = new URL(to);
  return { method, path, parameters: Object.fromEntries(parameters), from: new URL(from).origin };
}

const unescaped = (value: string) => value.replaceAll('&quot;', '"').replaceAll('&amp;', '&');

/** The browser at the callback. */
export async function carry({ http }: App, { method, path, parameters, from }: Brought): Promise<Response> {
  const fromThere = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' };
  if (method === 'GET') return await http.get(`${path}?${new URLSearchParams(parameters)}`).set(fromThere);
  return await http
    .post(path)
    .set({ ...fromThere, Origin: from })
    .type('form')
    .send(parameters);
}

/** What the client is sent in the query of its redirect URI. */
export function sentTo({ status, headers, text }: Response): URLSearchParams {
  if (status !== 303) throw new Error(`The browser is not sent on: ${status} ${text}`);
  return new URL(headers.location ?? '').searchParams;
}

/** All of the way at once but the last step. @returns the external code, with the verifier that it is for */
export async function externalCode(app: App, provider: PretendedProvider, fields: Fields = {}) {
  const flow = await begin(app, provider, fields);
  const answer = await carry(app, await visit(app, provider, flow.url));
  noteSecrets(app, provider);
  const code = sentTo(answer).get('code');
  if (!code) throw new Error(`No code: ${answer.headers.location}`);
  return { code, code_verifier: flow.verifier };
}

/** The last step of a client. */
export async function redeem({ http }: App, fields: Fields): Promise<Response> {
  return await http.post('/auth/external/token').send(fields);
}

/** The whole flow as a client goes it. @returns the answer to its last step */
export async function goRound(app: App, provider: PretendedProvider, options: RoundOptions = {}): Promise<Response> {
  const proof = await externalCode(app, provider, options.external);
  return await redeem(app, { ...proof, ...options.token });
}

/** The same, where the way ends at the callback. @returns what the client is sent instead of a code */
export async function goAstray(app: App, provider: PretendedProvider, fields: Fields = {}): Promise<URLSearchParams> {
  const flow = await begin(app, provider, fields);
  const answer = await carry(app, await visit(app, provider, flow.url));
  noteSecrets(app, provider);
  return sentTo(answer);
}

/** What a provider has given so far must be nowhere in our log, our database, or our answers. */
function noteSecrets({ secrets }: App, provider: PretendedProvider): void {
  for (const [what, secret] of provider.secrets) secrets?.add(what, secret);
}
