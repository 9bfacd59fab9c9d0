import type { Response } from 'supertest';
import type { SignedUp, TestApp } from './app.js';
import { type Authenticator, createAuthenticator } from './authenticator.js';

type Wrong = Parameters<Authenticator['get']>[1];

export type WithPasskey = { id: string; authenticator: Authenticator; recoveryCodes: string[] };

type User = Pick<SignedUp, 'bearer'> & { password?: string | undefined };

/** Options for a passkey, with the challenge of this user and session. */
export async function creationOptions({ http }: TestApp, { bearer, password }: User) {
  const { body } = await http.post('/me/passkeys/options').set(bearer).send({ password }).expect(200);
  return body.options as { challenge: string; user: { id: string }; excludeCredentials: { id: string }[] };
}

/** Adds a passkey to a signed-up user. */
export async function addPasskey(
  app: TestApp,
  user: User,
  authenticator: Authenticator = createAuthenticator(),
): Promise<WithPasskey> {
  const passkey = authenticator.create(await creationOptions(app, user));
  const { body } = await app.http.post('/me/passkeys').set(user.bearer).send({ passkey }).expect(201);
  return { id: body.id, authenticator, recoveryCodes: body.recovery_codes ?? [] };
}

export async function signInChallenge({ http }: TestApp): Promise<string> {
  return (await http.post('/auth/passkey/options').expect(200)).body.options.challenge;
}

/** An answer to a new challenge for a sign-in. */
export async function answerOf(app: TestApp, authenticator: Authenticator, wrong: Wrong = {}) {
  return authenticator.get({ challenge: await signInChallenge(app) }, wrong);
}

export async function signInWith(app: TestApp, authenticator: Authenticator, wrong: Wrong = {}): Promise<Response> {
  return app.http.post('/auth/login/passkey').send({ passkey: await answerOf(app, authenticator, wrong) });
}
