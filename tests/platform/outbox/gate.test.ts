import { expect, it } from 'vitest';
import { goodPassword, startAppForTest } from '../../support/app.js';
import { confirm, settledMails } from '../../support/mails.js';

const stranger = 'stranger@example.com';

it('A stranger whose address was signed up gets the verification mail alone, whatever the user does', async () => {
  const app = await startAppForTest();
  const user = await app.signUp({ email: stranger });
  const patch = (email: string, password: string) =>
    app.http.patch('/me').set(user.bearer).send({ email, password }).expect(200);
  // A mail that is not sent yet goes with the user.
  await settledMails(app);
  let password = goodPassword;
  for (let n = 0; n < 5; n++) {
    const next = `another good passphrase ${n}`;
    await app.http
      .post('/me/password')
      .set(user.bearer)
      .set('User-Agent', `agent ${n}`)
      .send({ current_password: password, new_password: next })
      .expect(204);
    password = next;
    await patch(`other-${n}@example.com`, password);
    await app.http.post('/auth/login').set('User-Agent', `agent ${n}`).send({ username: user.username, password });
  }
  await app.http.delete('/me').set(user.bearer).send({ password }).expect(204);
  const mails = (await settledMails(app)).filter(({ to }) => to === `<${stranger}>`);
  expect(mails.map(({ subject }) => subject)).toEqual(['Confirm your e-mail address']);
});

it('Asking for one address again and again sends one mail to it; a resend sends another', async () => {
  const app = await startAppForTest();
  const user = await app.signUp({ email: 'ada@example.com' });
  for (let n = 0; n < 6; n++)
    await app.http.patch('/me').set(user.bearer).send({ email: stranger, password: goodPassword }).expect(200);
  const toStranger = async () => (await settledMails(app)).filter(({ to }) => to === `<${stranger}>`);
  expect(await toStranger()).toHaveLength(1);
  await app.http.post('/auth/email/resend').set(user.bearer).send({}).expect(202);
  expect(await toStranger()).toHaveLength(2);
  await confirm(app, stranger);
});

it('The same notice from the same place is one mail an hour, and from other places at most five', async () => {
  const app = await startAppForTest({ TRUST_PROXY: '1' });
  const user = await app.signUp({ email: 'ada@example.com' });
  await confirm(app, 'ada@example.com');
  let password = goodPassword;
  const change = async (n: number, from: string) => {
    const next = `another good passphrase ${n}`;
    await app.http
      .post('/me/password')
      .set(user.bearer)
      .set('X-Forwarded-For', from)
      .send({ current_password: password, new_password: next })
      .expect(204);
    password = next;
  };
  const notices = async () => (await settledMails(app)).filter(({ subject }) => /was changed/.test(subject));
  for (let n = 0; n < 4; n++) await change(n, '192.0.2.1');
  expect(await notices()).toHaveLength(1);
  for (let n = 0; n < 6; n++) await change(10 + n, `192.0.2.${10 + n}`);
  expect(await notices()).toHaveLength(5);
});

it('Deleting the user and signing up again does not allow more mails to an address', async () => {
  const app = await startAppForTest({ RATE_LIMIT: 'on' });
  for (let n = 0; n < 7; n++) {
    const { bearer } = await app.signUp({ email: stranger });
    await settledMails(app);
    await app.http.delete('/me').set(bearer).send({ password: goodPassword }).expect(204);
  }
  expect(await settledMails(app)).toHaveLength(5);
});
