import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServiceUser } from '../../src/admin/create-service-user.js';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import { invite as inviteAs } from '../../src/invitations/invite.js';
import { purgeInvitations } from '../../src/invitations/purge.js';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { mailTo, settledMails } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';

let app: TestApp;
let admin: SignedUp;
beforeAll(async () => {
  app = await startApp();
  admin = await withRole(app, await app.signUp({ username: 'root-admin' }), 'admin');
});
afterAll(() => app.stop());

let people = 0;
const newAddress = () => `invited-${++people}@example.com`;
const newName = () => `newcomer-${++people}`;

const invite = (body: object, as = admin, own = app) => own.http.post('/admin/invitations').set(as.bearer).send(body);
const tokenFor = async (email: string, own = app) => (await mailTo(own, email, /invited/)).token;
const signUp = (invitation: string, more: object = {}, own = app) =>
  own.http.post('/auth/signup').send({ username: newName(), password: goodPassword, invitation, ...more });
const waiting = async (own = app, as = admin) =>
  (await own.http.get('/admin/invitations?limit=100').set(as.bearer).expect(200)).body.data as { email: string }[];
const eventsOf = async (id: string) =>
  (await app.deps.db.auditEvent.findMany({ orderBy: { id: 'asc' } }))
    .filter(({ detail }) => (detail as { invitation_id?: string }).invitation_id === id)
    .map(({ action }) => action);

/** An invitation and its token. */
async function invited(fields: object = {}, own = app, as = admin) {
  const email = newAddress();
  const { body } = await invite({ email, ...fields }, as, own).expect(201);
  return { email, id: body.id as string, token: await tokenFor(email, own) };
}

describe('An invitation', () => {
  it('is made by an admin, mailed with the name of who invites, and waits in the list', async () => {
    const email = newAddress();
    const { status, body } = await invite({ email, roles: ['editor', 'editor'] });
    expect([status, body]).toEqual([
      201,
      {
        id: expect.any(String),
        email,
        roles: ['editor'],
        invited_by: admin.userId,
        created_at: expect.any(String),
        expires_at: expect.any(String),
      },
    ]);
    expect(Date.parse(body.expires_at) - Date.parse(body.created_at)).toBeCloseTo(7 * 24 * 3600 * 1000, -3);
    const mail = await mailTo(app, email);
    expect(mail.text).toContain('root-admin invites you');
    expect(mail.text).toContain(`http://localhost:3000/accept-invitation?token=${mail.token}`);
    expect(await waiting()).toContainEqual(body);
    const events = await app.deps.db.auditEvent.findMany({ where: { action: 'invitation.created' } });
    expect(events.at(-1)).toMatchObject({ actorId: admin.userId, userId: null });
    expect(events.at(-1)?.detail).toEqual({ invitation_id: body.id, roles: ['editor'] });
  });

  it('lets the invited person sign up at once, with its address, verified, and its roles', async () => {
    const { email, id, token } = await invited({ roles: ['editor'] });
    const { status, body } = await signUp(token);
    expect([status, body.user]).toEqual([
      201,
      expect.objectContaining({ email, email_verified: true, roles: ['editor'] }),
    ]);
    const bearer = { Authorization: `Bearer ${body.access_token}` };
    expect((await app.http.get('/welcome').set(bearer)).status).toBe(200);
    expect(await eventsOf(id)).toEqual(['invitation.created', 'invitation.accepted']);
    const own = await app.deps.db.auditEvent.findMany({ where: { userId: body.user.id } });
    expect(own.map(({ action }) => action).sort()).toEqual(['invitation.accepted', 'user.created']);
    expect((await waiting()).map((one) => one.email)).not.toContain(email);
    // No mail asks for the address once more.
    expect((await settledMails(app)).filter(({ to }) => to === `<${email}>`)).toHaveLength(1);
  });

  it.each(['closed', 'verified', 'open'])('works under SIGNUP=%s', async (SIGNUP) => {
    const own = await startAppForTest({ SIGNUP });
    const email = newAddress();
    await inviteAs(own.deps, { email, roles: [] }, {}, 'all');
    const { body } = await signUp(await tokenFor(email, own), {}, own).expect(201);
    expect(body).toMatchObject({ access_token: expect.any(String), user: { email, email_verified: true } });
    if (SIGNUP === 'closed')
      expectProblem(
        await own.http.post('/auth/signup').send({ username: 'other', password: goodPassword }),
        'signup_closed',
      );
  });

  it('is good once', async () => {
    const { token } = await invited();
    await signUp(token).expect(201);
    expectProblem(await signUp(token), 'invalid_one_time_token');
  });

  it('is good for its own address alone: the same one in other words will do', async () => {
    const { email, token } = await invited();
    const answer = await signUp(token, { email: 'another@example.com' });
    expectProblem(answer, 'validation_failed');
    expect(answer.body.errors).toEqual([{ path: 'email', message: expect.stringContaining('another address') }]);
    await signUp(token, { email: email.toUpperCase() }).expect(201);
  });

  it('stays good when the sign-up is refused: a bad password, a name that is taken', async () => {
    const { email, token } = await invited();
    const taken = await app.signUp();
    expectProblem(await signUp(token, { password: 'too short' }), 'validation_failed');
    expectProblem(await signUp(token, { password: `${email}-xy` }), 'validation_failed');
    expectProblem(await signUp(token, { username: taken.username }), 'username_taken');
    await signUp(token).expect(201);
  });

  it('makes exactly one user of 20 sign-ups at once; the others are told that it is used', async () => {
    for (const username of [undefined, newName()]) {
      const { email, id, token } = await invited({ roles: ['editor'] });
      const answers = await Promise.all(Array.from({ length: 20 }, () => signUp(token, username ? { username } : {})));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 201))
        expectProblem(answer, 'invalid_one_time_token');
      const users = await app.deps.db.user.findMany({ where: { emailKey: email } });
      expect(users).toHaveLength(1);
      expect(await eventsOf(id)).toEqual(['invitation.created', 'invitation.accepted']);
    }
  });

  it('takes the place of an older one to the same address', async () => {
    const { email, id, token } = await invited();
    const { body } = await invite({ email: email.toUpperCase() }).expect(201);
    expectProblem(await signUp(token), 'invalid_one_time_token');
    expect(await eventsOf(id)).toEqual(['invitation.created', 'invitation.ended']);
    const newer = await tokenFor(email.toUpperCase());
    expect((await signUp(newer).expect(201)).body.user.email).toBe(body.email);
  });

  it('goes to an address that nobody has', async () => {
    const user = await app.signUp({ email: newAddress() });
    const { email } = await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } });
    expectProblem(await invite({ email: email?.toUpperCase() }), 'email_taken');
  });

  it('that is outdone by another sign-up with the address is refused, and nothing is half done', async () => {
    const { email, token } = await invited();
    await app.signUp({ email });
    const username = newName();
    expectProblem(await signUp(token, { username }), 'email_taken');
    expect(await app.deps.db.user.count({ where: { usernameKey: username } })).toBe(0);
  });

  it.each([
    [{ email: 'no address' }, 'email'],
    [{ email: 'ada@localhost' }, 'email'],
    [{}, 'email'],
    [{ email: 'ada@example.com', roles: ['nobody'] }, 'roles.0'],
    [{ email: 'ada@example.com', invited_by: uuidv7() }, 'invited_by'],
    [{ email: 'ada@example.com', expires_in: 1 }, 'expires_in'],
  ])('is not made of %j', async (body, path) => {
    const answer = await invite(body);
    expectProblem(answer, 'validation_failed');
    expect(answer.body.errors[0].path).toBe(path);
  });

  it('can be ended: its link works no more, and a second time it is not found', async () => {
    const { id, token } = await invited();
    const end = () => app.http.delete(`/admin/invitations/${id}`).set(admin.bearer);
    await end().expect(204);
    expectProblem(await end(), 'not_found');
    expectProblem(await signUp(token), 'invalid_one_time_token');
    expect(await eventsOf(id)).toEqual(['invitation.created', 'invitation.ended']);
  });

  it('expires: then it opens nothing, is not listed, cannot be ended, and is purged', async () => {
    const { email, id, token } = await invited();
    await app.deps.db
      .$executeRaw`UPDATE invitation SET expires_at = now() - interval '1 second' WHERE id = ${id}::uuid`;
    expectProblem(await signUp(token), 'invalid_one_time_token');
    expect((await waiting()).map((one) => one.email)).not.toContain(email);
    expectProblem(await app.http.delete(`/admin/invitations/${id}`).set(admin.bearer), 'not_found');
    await purgeInvitations(app.deps);
    expect(await app.deps.db.invitation.count({ where: { id } })).toBe(0);
  });

  it('lasts for INVITATION_TTL', async () => {
    const own = await startAppForTest({ INVITATION_TTL: '1h' });
    const { createdAt, expiresAt } = await inviteAs(own.deps, { email: 'ada@example.com', roles: [] }, {}, 'all');
    expect(expiresAt.getTime() - createdAt.getTime()).toBeCloseTo(3600_000, -3);
  });

  it('is listed page by page, the oldest first', async () => {
    const own = await startAppForTest();
    const boss = await withRole(own, await own.signUp(), 'admin');
    for (let n = 0; n < 5; n++) await inviteAs(own.deps, { email: `p${n}@example.com`, roles: [] }, {}, 'all');
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const { body } = await own.http
        .get('/admin/invitations')
        .query({ limit: 2, ...(cursor && { cursor }) })
        .set(boss.bearer);
      seen.push(...body.data.map(({ email }: { email: string }) => email));
      cursor = body.next_cursor;
      if (!cursor) break;
    }
    expect(seen).toEqual([0, 1, 2, 3, 4].map((n) => `p${n}@example.com`));
  });

  it('is counted: by inviter, and by address of who asks', async () => {
    const own = await startAppForTest({ RATE_LIMIT: 'on', RATE_LIMIT_INVITATION: '2/1h' });
    const boss = await withRole(own, await own.signUp(), 'admin');
    const other = await withRole(own, await own.signUp(), 'admin');
    for (let n = 0; n < 2; n++) await invite({ email: newAddress() }, boss, own).expect(201);
    expectProblem(await invite({ email: newAddress() }, boss, own), 'rate_limited');
    await invite({ email: newAddress() }, other, own).expect(201);
  });

  it('is mailed to one address only so often, whoever invites', async () => {
    const own = await startAppForTest({ RATE_LIMIT: 'on', RATE_LIMIT_MAIL: '2/1h' });
    const boss = await withRole(own, await own.signUp(), 'admin');
    for (let n = 0; n < 4; n++) await invite({ email: 'ada@example.com' }, boss, own).expect(201);
    expect((await settledMails(own)).length).toBeLessThanOrEqual(2);
  });
});

describe('The token of an invitation', () => {
  it('is in the mail alone: the database has its hash, and a mail that is sent again has another one', async () => {
    const { email, token } = await invited();
    await app.deps.db
      .$executeRaw`UPDATE outbox SET sent_at = NULL, due_at = now(), recipient_key = NULL WHERE recipient = ${email}`;
    app.deps.outboxWake.wake();
    const mails = (await settledMails(app)).filter(({ to }) => to === `<${email}>`);
    const again = mails.at(-1)?.token ?? '';
    expect(again).not.toBe(token);
    expectProblem(await signUp(token), 'invalid_one_time_token');
    await signUp(again).expect(201);
  });

  it('that was made up or is malformed opens nothing', async () => {
    for (const made of ['A'.repeat(43), '', 'ä', 'x'.repeat(200)])
      expectProblem(await signUp(made), 'invalid_one_time_token');
    expectProblem(await signUp('x'.repeat(201)), 'validation_failed');
  });

  it('is not used up by the page behind the link, which sends no referrer', async () => {
    const { token } = await invited();
    const page = await app.http.get(`/accept-invitation?token=${token}`).expect(200);
    expect(page.headers['referrer-policy']).toBe('no-referrer');
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.text).toContain('data-target="auth/signup"');
    expect(page.text).not.toContain(token);
    await signUp(token).expect(201);
  });
});

describe('An invitation is no stronger than who made it is when it is accepted:', () => {
  async function inviter() {
    return withRole(app, await app.signUp(), 'admin');
  }

  it('not if they are disabled; once they are enabled it is good again', async () => {
    const as = await inviter();
    const { token } = await invited({}, app, as);
    await changeUser(app.deps, as.userId, { disabled: true }, {}, 'all');
    expectProblem(await signUp(token), 'invalid_one_time_token');
    await changeUser(app.deps, as.userId, { disabled: false }, {}, 'all');
    await signUp(token).expect(201);
  });

  it('not if they are deleted: it is gone from the list and the database', async () => {
    const as = await inviter();
    const { email, id, token } = await invited({}, app, as);
    await app.deps.db.$executeRaw`UPDATE "user" SET deleted_at = now() WHERE id = ${as.userId}::uuid`;
    expect((await waiting()).map((one) => one.email)).not.toContain(email);
    expectProblem(await signUp(token), 'invalid_one_time_token');
    expectProblem(await app.http.delete(`/admin/invitations/${id}`).set(admin.bearer), 'not_found');
    await app.deps.db.$executeRaw`UPDATE "user" SET deleted_at = NULL WHERE id = ${as.userId}::uuid`;
    await deleteUser(app.deps, as.userId, {}, 'all');
    expect(await app.deps.db.invitation.count({ where: { id } })).toBe(0);
  });

  it.each([['admin'], ['editor']])('not if they could not give %s any more', async (role) => {
    const as = await inviter();
    const { token } = await invited({ roles: [role] }, app, as);
    await changeUser(app.deps, as.userId, { roles: ['editor'] }, {}, 'all');
    expectProblem(await signUp(token), 'invalid_one_time_token');
    await changeUser(app.deps, as.userId, { roles: ['admin'] }, {}, 'all');
    expect((await signUp(token).expect(201)).body.user.roles).toEqual([role]);
  });

  it('also one of a service user, which is good as long as that has the right', async () => {
    const email = newAddress();
    const machine = await createServiceUser(app.deps, { username: newName(), roles: ['admin'] }, {}, 'all');
    await inviteAs(app.deps, { email, roles: ['editor'] }, { actorId: machine.id }, 'all');
    const token = await tokenFor(email);
    await changeUser(app.deps, machine.id, { roles: ['user'] }, {}, 'all');
    expectProblem(await signUp(token), 'invalid_one_time_token');
    await changeUser(app.deps, machine.id, { roles: ['admin'] }, {}, 'all');
    await signUp(token).expect(201);
  });

  it('one of the operator holds', async () => {
    const email = newAddress();
    const made = await inviteAs(app.deps, { email, roles: ['admin'] }, {}, 'all');
    expect(await waiting()).toContainEqual(expect.objectContaining({ id: made.id, invited_by: null }));
    const { text, token } = await mailTo(app, email);
    expect(text).toContain('You are invited');
    expect((await signUp(token).expect(201)).body.user.roles).toEqual(['admin']);
  });

  /** When the last such thing happened to a user. */
  async function whenDone(action: string | RegExp, userId: string): Promise<number> {
    const events = await app.deps.db.auditEvent.findMany({ where: { userId }, orderBy: { at: 'asc' } });
    return Number(events.filter((event) => event.action.match(action)).at(-1)?.at);
  }

  it('not if their rights go while it is accepted (30 rounds)', { timeout: 60_000 }, async () => {
    for (let round = 0; round < 30; round++) {
      const as = await inviter();
      const { email, token } = await invited({ roles: ['admin'] }, app, as);
      const [answer] = await Promise.all([
        signUp(token),
        changeUser(app.deps, as.userId, round % 2 ? { roles: [] } : { disabled: true }, {}, 'all'),
      ]);
      const made = await app.deps.db.user.findMany({ where: { emailKey: email } });
      expect(made).toHaveLength(answer.status === 201 ? 1 : 0);
      if (!made[0]) expectProblem(answer, 'invalid_one_time_token');
      else
        expect(await whenDone('invitation.accepted', made[0].id)).toBeLessThan(
          await whenDone(/^user.dis|^roles/, as.userId),
        );
    }
  });
});

it('an export has the invitations that the user made, and none of others', async () => {
  const as = await withRole(app, await app.signUp(), 'admin');
  const { email, id } = await invited({}, app, as);
  const { body } = await app.http.get('/me/export').set(as.bearer).expect(200);
  expect(body.invitations).toEqual([expect.objectContaining({ id, email, invited_by: as.userId })]);
});
