import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import { changePassword } from '../../src/passwords/change.js';
import { endUserSessions } from '../../src/sessions/end.js';
import { goodPassword } from '../support/app.js';
import {
  type Answer,
  ask,
  type Instance,
  logIn,
  newName,
  type Operator,
  refresh,
  signUp,
  startPair,
  type Tokens,
  welcome,
} from '../support/instance.js';

const rounds = 200;
const atOnce = 20;

const newPassword = 'a wholly different battery staple';

// The two responses, and the tokens that must not work afterwards.
type Round = { answers: Answer[]; dead: { access: string; refresh: string }[]; alive?: { access: string }[] };

describe('at the same moment on two instances', () => {
  let operator: Operator;
  let one: Instance;
  let other: Instance;
  let stop: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    ({ one, other, operator, stop } = await startPair());
  }, 60_000);
  afterAll(async () => {
    for (const line of [one, other].flatMap(({ logs }) => logs)) expect(line).not.toMatch(/deadlock|"level":[56]0/);
    await stop?.();
  });

  const change = (at: Instance, bearer: string) =>
    ask(at, 'POST /me/password', {
      bearer,
      body: { current_password: goodPassword, new_password: newPassword },
    });

  /** Everything that ends all sessions of a user. */
  const endingsOfUsers: Record<string, (user: { userId: string; access: string }) => Promise<Answer>> = {
    'a logout of all sessions': ({ access }) => ask(other, 'POST /auth/logout-all', { bearer: access }),
    'a disabling': ({ userId }) => answered(changeUser(operator, userId, { disabled: true }, {}, 'all')),
    'a deletion': ({ access }) => ask(other, 'DELETE /me', { bearer: access, body: { password: goodPassword } }),
  };

  async function answered(work: Promise<unknown>): Promise<Answer> {
    await work;
    return { status: 204, body: undefined };
  }

  /** Runs both at once, each after a short random delay, so that either can be first. */
  async function race<One, Other>(a: () => Promise<One>, b: () => Promise<Other>): Promise<[One, Other]> {
    const later = () => sleep(Math.random() * 6);
    return Promise.all([later().then(a), later().then(b)]);
  }

  const given = ({ status, body }: Answer) =>
    status === 200 || status === 201
      ? [{ access: body.access_token as string, refresh: body.refresh_token as string }]
      : [];

  async function openAccess(tokens: { access: string }[]): Promise<Answer[]> {
    const asked = tokens.flatMap(({ access }) => [welcome(one, access), welcome(other, access)]);
    return (await Promise.all(asked)).filter(({ status }) => status === 200);
  }

  /** Plays the rounds, and checks on both instances that the ended tokens are refused. */
  async function play(round: () => Promise<Round>): Promise<void> {
    for (let played = 0; played < rounds; played += atOnce) {
      const results = await Promise.all(Array.from({ length: atOnce }, round));
      for (const { answers } of results)
        for (const { status, body } of answers) expect([status < 500, body?.code]).toEqual([true, body?.code]);
      const dead = results.flatMap((result) => result.dead);
      // How soon the other instance knows is measured elsewhere.
      await expect.poll(async () => (await openAccess(dead)).length, { timeout: 10_000 }).toBe(0);
      const asked = dead.flatMap((tokens, index) => [
        welcome(one, tokens.access),
        welcome(other, tokens.access),
        refresh(index % 2 === 0 ? one : other, tokens.refresh),
      ]);
      for (const { status, body } of await Promise.all(asked))
        expect([status, body.code]).toEqual([401, expect.any(String)]);
      const alive = results.flatMap((result) => result.alive ?? []);
      const open = await Promise.all(alive.flatMap(({ access }) => [welcome(one, access), welcome(other, access)]));
      for (const { status } of open) expect(status).toBe(200);
    }
  }

  describe('a refresh', () => {
    it('and a logout leave no working token of the session', { timeout: 120_000 }, () =>
      play(async () => {
        const user = await signUp(one);
        const answers = await race(
          () => refresh(one, user.refresh),
          () => ask(other, 'POST /auth/logout', { bearer: user.access }),
        );
        return { answers, dead: [user, ...given(answers[0])] };
      }),
    );

    it('and a change of password in another session leave only that other session', { timeout: 120_000 }, () =>
      play(async () => {
        const user = await signUp(one);
        const elsewhere = await logIn(other, user.username);
        const answers = await race(
          () => refresh(one, user.refresh),
          () => change(other, elsewhere.access),
        );
        expect(answers[1].status).toBe(204);
        return { answers, dead: [user, ...given(answers[0])], alive: [elsewhere] };
      }),
    );

    for (const [name, end] of Object.entries({
      'a logout of all sessions': endingsOfUsers['a logout of all sessions'],
      'a disabling': endingsOfUsers['a disabling'],
      'a deletion': endingsOfUsers['a deletion'],
    }))
      it(`and ${name} leave no working token`, { timeout: 120_000 }, () =>
        play(async () => {
          const user = await signUp(one);
          const answers = await race(
            () => refresh(one, user.refresh),
            () => end?.(user) as Promise<Answer>,
          );
          expect(answers[1].status).toBe(204);
          return { answers, dead: [user, ...given(answers[0])] };
        }),
      );
  });

  describe('a login', () => {
    it('and a logout of another session: the other session ends and the new one works', { timeout: 120_000 }, () =>
      play(async () => {
        const user = await signUp(one);
        const answers = await race(
          () => ask(one, 'POST /auth/login', { body: { username: user.username, password: goodPassword } }),
          () => ask(other, 'POST /auth/logout', { bearer: user.access }),
        );
        expect(answers[0].status).toBe(200);
        return { answers, dead: [user], alive: given(answers[0]) };
      }),
    );

    it('with the old password and a change of it leave no session of the old password', { timeout: 120_000 }, () =>
      play(async () => {
        const user = await signUp(one);
        const answers = await race(
          () => ask(one, 'POST /auth/login', { body: { username: user.username, password: goodPassword } }),
          () => change(other, user.access),
        );
        expect(answers[1].status).toBe(204);
        return { answers, dead: given(answers[0]), alive: [user] };
      }),
    );

    it('and a logout of all sessions: the new session has ended or works, as its row says', { timeout: 120_000 }, () =>
      play(async () => {
        const user = await signUp(one);
        const answers = await race(
          () => ask(one, 'POST /auth/login', { body: { username: user.username, password: goodPassword } }),
          () => ask(other, 'POST /auth/logout-all', { bearer: user.access }),
        );
        const row = await operator.db.session.findUniqueOrThrow({ where: { id: answers[0].body.session_id } });
        const [tokens] = [given(answers[0])];
        return { answers, dead: row.endedAt ? [user, ...tokens] : [user], alive: row.endedAt ? [] : tokens };
      }),
    );

    for (const name of ['a disabling', 'a deletion'])
      it(`and ${name} leave no working token`, { timeout: 120_000 }, () =>
        play(async () => {
          const user = await signUp(one);
          const answers = await race(
            () => ask(one, 'POST /auth/login', { body: { username: user.username, password: goodPassword } }),
            () => endingsOfUsers[name]?.(user) as Promise<Answer>,
          );
          expect(answers[1].status).toBe(204);
          return { answers, dead: [user, ...given(answers[0])] };
        }),
      );
  });

  // The user is unknown until the sign-up is answered, so these wait for the row to appear.
  describe('a sign-up', () => {
    async function appeared(usernameKey: string) {
      for (let tries = 0; tries < 2_000; tries++) {
        const user = await operator.db.user.findUnique({ where: { usernameKey } });
        if (user) return user;
      }
      throw new Error(`${usernameKey} does not appear`);
    }
    type Found = Awaited<ReturnType<typeof appeared>>;

    it.each<[string, (user: Found) => Promise<unknown>]>([
      ['the end of all sessions', ({ id }) => endUserSessions(operator, id, 'logout_all', {})],
      [
        'a change of password elsewhere',
        (user) =>
          changePassword(
            operator,
            { user, passwordHash: `${user.passwordHash}` },
            'no hash',
            { sessionId: '01890a5d-ac96-774b-bcce-b302099a8057' },
            {},
          ),
      ],
      ['a disabling', ({ id }) => changeUser(operator, id, { disabled: true }, {}, 'all')],
      ['a deletion', ({ id }) => deleteUser(operator, id, {}, 'all')],
    ])('and %s, as soon as the row appears, leave no working token', { timeout: 120_000 }, (_name, end) =>
      play(async () => {
        const username = newName();
        const [answer] = await Promise.all([
          ask(one, 'POST /auth/signup', { body: { username, password: goodPassword } }),
          appeared(username).then(end),
        ]);
        expect(answer.status).toBe(201);
        return { answers: [answer], dead: given(answer) };
      }),
    );

    it(
      'with the name of a user who is being deleted is refused or makes a new user, and the old tokens stay invalid',
      { timeout: 120_000 },
      () =>
        play(async () => {
          const user: Tokens = await signUp(one);
          const answers = await race(
            () => ask(one, 'POST /auth/signup', { body: { username: user.username, password: goodPassword } }),
            () => ask(other, 'DELETE /me', { bearer: user.access, body: { password: goodPassword } }),
          );
          expect([201, 409]).toContain(answers[0].status);
          expect(answers[1].status).toBe(204);
          if (answers[0].status === 201) expect(answers[0].body.user.id).not.toBe(user.userId);
          return { answers, dead: [user], alive: given(answers[0]) };
        }),
    );
  });

  it('all of these for five users cause no deadlock and no 5xx', {
    timeout: 120_000,
  }, async () => {
    const users = await Promise.all(Array.from({ length: 5 }, () => signUp(one)));
    const until = performance.now() + 5_000;
    const any = <Item>(items: Item[]) => items[Math.floor(Math.random() * items.length)] as Item;
    const seen = new Map<number, number>();
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        while (performance.now() < until) {
          const user = any(users);
          const login = { username: user.username, password: goodPassword };
          const at = any([one, other]);
          const tokens = given(await ask(at, 'POST /auth/login', { body: login }))[0];
          const bearer = tokens?.access ?? user.access;
          const same = { current_password: goodPassword, new_password: goodPassword };
          const answer = await any([
            () => refresh(any([one, other]), tokens?.refresh ?? user.refresh),
            () => ask(any([one, other]), 'POST /auth/logout', { bearer }),
            () => ask(any([one, other]), 'POST /auth/logout-all', { bearer }),
            () => ask(any([one, other]), 'POST /me/password', { bearer, body: same }),
            () => answered(changeUser(operator, user.userId, { disabled: true }, {}, 'all')),
            () => answered(operator.db.user.update({ where: { id: user.userId }, data: { disabledAt: null } })),
          ])();
          seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        }
      }),
    );
    expect([...seen.keys()].filter((status) => status >= 500)).toEqual([]);
    expect(seen.get(204)).toBeGreaterThan(20);
  });
});
