import { describe, it } from 'vitest';
import { startApp } from '../support/app.js';
import { createForger } from '../support/forged-tokens.js';
import { expectProblem } from '../support/problem.js';

describe('While the database is away, an access token of an unknown key', () => {
  it('is answered 503 on every path of a guard, never 401, however often it is asked', async () => {
    const app = await startApp();
    const user = await app.signUp();
    const forger = createForger(app, user);
    // Only the database knows whether another instance made this key.
    const access = forger.own({ ...forger.header, kid: 'AAAAAAAAAAAA' }, forger.claims);
    const bearer = { Authorization: `Bearer ${access}` };
    await app.deps.database.close();
    for (let time = 0; time < 3; time++) {
      expectProblem(await app.http.get('/welcome').set(bearer), 'database_unavailable');
      expectProblem(await app.http.get('/welcome').set('Cookie', `access_token=${access}`), 'database_unavailable');
      expectProblem(await app.http.post('/auth/email/resend').set(bearer).send({}), 'database_unavailable');
      expectProblem(await app.http.post('/auth/logout').set(bearer).send({}), 'database_unavailable');
    }
    await app.stop();
  });
});
