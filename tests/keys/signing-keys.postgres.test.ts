import { describe, expect, it, onTestFinished } from 'vitest';
import { startApp } from '../support/app.js';
import { createServerDatabase } from '../support/test-database.js';

describe('signing keys of instances on one database', () => {
  it('are the same if the instances start at once: every instance accepts the tokens of the others', async () => {
    const database = await createServerDatabase();
    onTestFinished(() => database.drop());
    const starting = Array.from({ length: 4 }, () => startApp({}, { databaseUrl: database.url }));
    onTestFinished(async () => void (await Promise.all(starting.map(async (app) => (await app).stop()))));
    const [first, ...others] = await Promise.all(starting);
    if (!first) throw new Error('None started');

    expect(await first.deps.db.signingKey.count()).toBe(8);
    const user = await first.signUp();
    const { body: jwks } = await first.http.get('/.well-known/jwks.json');
    for (const app of others) {
      expect((await app.http.get('/.well-known/jwks.json')).body).toEqual(jwks);
      expect((await app.http.get('/me').set(user.bearer)).body.id).toBe(user.userId);
    }

    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        [first, ...others][n % 4]?.http.post('/auth/refresh').send({ refresh_token: user.refreshToken }),
      ),
    );
    expect(answers.map((answer) => answer?.status)).toEqual(Array(40).fill(200));
    expect(new Set(answers.map((answer) => answer?.body.refresh_token)).size).toBe(1);
  });
});
