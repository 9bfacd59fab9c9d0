import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../src/commands.js';
import { parse } from '../../src/platform/cli/parse.js';
import { goodPassword, startApp, type TestApp } from '../support/app.js';
import { confirm, settledMails } from '../support/mails.js';
import { externalCode, goRound } from '../support/pretended-providers/go-round.js';
import {
  newPerson,
  type OpenIdProvider,
  settingsOf,
  startOpenIdProvider,
} from '../support/pretended-providers/openid.js';

let app: TestApp;
let corp: OpenIdProvider;
let other: OpenIdProvider;
beforeAll(async () => {
  [corp, other] = await Promise.all([startOpenIdProvider(), startOpenIdProvider({ name: 'other' })]);
  app = await startApp(settingsOf(corp, other));
});
afterAll(async () => {
  await app?.stop();
  for (const provider of [corp, other]) await provider?.server.goAway();
});

/** A command as an operator types it. */
async function command(...argv: string[]) {
  const parsed = parse(argv, commands);
  if ('help' in parsed) throw new Error('This is no command.');
  return parsed.command.run(app.deps, parsed.args);
}

async function userWithIdentity() {
  const email = `linked-${Math.random()}@mail.example`;
  const user = { ...(await app.signUp({ email })), email };
  await confirm(app, email);
  corp.person = newPerson();
  const proof = { ...(await externalCode(app, corp)), password: goodPassword };
  await app.http.post('/me/identities').set(user.bearer).send(proof).expect(201);
  return user;
}

const bearerOf = (body: { access_token: string }) => ({ Authorization: `Bearer ${body.access_token}` });

describe('The operator', () => {
  it('unlinks a provider, which ends the sessions that it began, and the user is told', async () => {
    const user = await userWithIdentity();
    const begun = (await goRound(app, corp)).body;
    const { json } = await command('users', 'unlink', user.username, 'corp');
    expect(json).toEqual({
      id: user.userId,
      username: user.username,
      provider: 'corp',
      unlinked: 1,
      sessions_ended: 1,
    });
    await app.http.get('/me').set(bearerOf(begun)).expect(401);
    await app.http.get('/me').set(user.bearer).expect(200);
    expect((await goRound(app, corp)).body.user.id).not.toBe(user.userId);
    const where = { userId: user.userId, action: 'identity.unlinked' };
    expect(await app.deps.db.auditEvent.findMany({ where })).toMatchObject([
      { actorId: null, detail: { provider: 'corp' } },
    ]);
    const mails = (await settledMails(app)).filter(({ to }) => to === `<${user.email}>`);
    expect(mails.map(({ subject }) => subject)).toContain('A provider was unlinked');
  });

  it('does not unlink what is not there', async () => {
    const { username } = await app.signUp();
    await expect(command('users', 'unlink', '--yes', username, 'corp')).rejects.toThrow('has no identity of "corp"');
    await expect(command('users', 'unlink', '--yes', 'nobody-here', 'corp')).rejects.toThrow('There is no user');
  });

  it('does not unlink the last way in, by which no password could be chosen', async () => {
    corp.person = newPerson({ email: undefined });
    const { body } = await goRound(app, corp);
    const unlink = () => command('users', 'unlink', '--yes', body.user.username, 'corp');
    await expect(unlink()).rejects.toThrow('Nothing would be left to sign in with');
    await app.http.get('/me').set(bearerOf(body)).expect(200);
    expect((await goRound(app, corp)).body.user.id).toBe(body.user.id);
    other.person = newPerson({ email: undefined });
    const proof = await externalCode(app, other);
    await app.http.post('/me/identities').set(bearerOf(body)).send(proof).expect(201);
    expect((await unlink()).json).toMatchObject({ unlinked: 1, sessions_ended: 2 });
    expect((await goRound(app, other)).body.user.id).toBe(body.user.id);
  });

  it('sees by which providers a user signs in', async () => {
    const user = await userWithIdentity();
    const { json, text } = await command('users', 'show', user.username);
    expect(json).toMatchObject({ sign_in_methods: { password: true, identities: ['corp'] } });
    expect(text).toMatch(/methods +password, corp$/m);
  });
});
