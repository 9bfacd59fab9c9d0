import { Secret, TOTP } from 'otpauth';
import type { SignedUp, TestApp } from './app.js';

/** The code of an authenticator app with this secret. @param steps after the current one */
export function codeOf(secret: string, steps = 0): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 });
}

/** A code that is none of the next minutes. */
export function wrongCodeFor(secret: string): string {
  const right = [-2, -1, 0, 1, 2, 3].map((steps) => codeOf(secret, steps));
  const wrong = Array.from({ length: 10 }, (_, digit) => `${digit}`.repeat(6)).find((code) => !right.includes(code));
  return wrong ?? '012345';
}

type Enrolled = { id: string; secret: string; recoveryCodes: string[]; bearer: SignedUp['bearer'] };

type User = Pick<SignedUp, 'bearer' | 'refreshToken'> & { password?: string | undefined };

/** Adds an authenticator app, and refreshes: the new access token has `acr` aal2 if it was the first. */
export async function addTotp(
  { http }: Pick<TestApp, 'http'>,
  user: User,
): Promise<Enrolled & { refreshToken: string }> {
  const { bearer, password, refreshToken } = user;
  const { body } = await http.post('/me/totp').set(bearer).send({ password }).expect(201);
  const confirm = () =>
    http
      .post(`/me/totp/${body.id}/confirm`)
      .set(bearer)
      .send({ code: codeOf(body.secret, -1) });
  let confirmed = await confirm();
  // Its step may have ended on the way; then the code of the next one is right.
  if (confirmed.status === 401) confirmed = await confirm();
  if (confirmed.status !== 200) throw new Error(`The app was not confirmed: ${confirmed.text}`);
  const renewed = await http.post('/auth/refresh').send({ refresh_token: refreshToken }).expect(200);
  return {
    id: body.id,
    secret: body.secret,
    recoveryCodes: confirmed.body.recovery_codes ?? [],
    bearer: { Authorization: `Bearer ${renewed.body.access_token}` },
    refreshToken: renewed.body.refresh_token,
  };
}
