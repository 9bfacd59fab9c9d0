import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKey } from '../support/api-keys.js';
import { goodPassword as password, type SignedUp, startApp, type TestApp } from '../support/app.js';
import { confirm, settledMails } from '../support/mails.js';
import { addPasskey } from '../support/passkeys.js';
import { expectProblem } from '../support/problem.js';
import { addTotp, codeOf } from '../support/second-factor.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const askFor = (email: string, { bearer }: Pick<SignedUp, 'bearer'>) =>
  app.http.patch('/me').set(bearer).send({ email, password }).expect(200);

const toldTo = async (address: string) =>
  (await settledMails(app))
    .filter(({ to, subject }) => to === `<${address}>` && /further sign-in methods/.test(subject))
    .map(({ text }) => text.replace(/\s+/g, ' '));

describe('A user without an address, for whom one waits,', () => {
  it('gets no method until it is verified', async () => {
    const user = await app.signUp();
    const post = (path: string, body: object = { password }) => app.http.post(path).set(user.bearer).send(body);
    const begun = (await post('/me/totp').expect(201)).body;
    await askFor('waits@example.com', user);
    expectProblem(await post('/me/passkeys/options'), 'email_unverified');
    expectProblem(await post('/me/totp'), 'email_unverified');
    expectProblem(await post('/me/recovery-codes'), 'email_unverified');
    expectProblem(await post(`/me/totp/${begun.id}/confirm`, { code: codeOf(begun.secret) }), 'email_unverified');
    await confirm(app, 'waits@example.com');
    await addPasskey(app, user);
    expect(await toldTo('waits@example.com')).toEqual([]);
  });
});

describe('Who confirms an address for a user with further methods', () => {
  it('is told of them, whether it is the first address or another one', async () => {
    const user = await app.signUp();
    await addPasskey(app, user);
    for (const address of ['first@example.com', 'other@example.com']) {
      await askFor(address, user);
      await confirm(app, address);
      expect(await toldTo(address)).toEqual([
        expect.stringContaining('a passkey, an authenticator app, a provider or an API key'),
      ]);
    }
  });

  it('is told of an authenticator app, too', async () => {
    const user = await app.signUp();
    await askFor('app@example.com', await addTotp(app, user));
    await confirm(app, 'app@example.com');
    expect(await toldTo('app@example.com')).toHaveLength(1);
  });

  it('is told of an API key, too, which goes on after a new password', async () => {
    const user = await app.signUp();
    await makeKey(app, user);
    await askFor('key@example.com', user);
    await confirm(app, 'key@example.com');
    expect(await toldTo('key@example.com')).toHaveLength(1);
  });
});
