/* global pm */

export const refresh = {
  name: 'Refresh',
  about: 'You need not send these by hand: the collection renews the access token by itself before it expires.',
  steps: [
    {
      operation: 'refreshTokens',
      name: 'Refresh',
      about: 'The refresh token is replaced at each use.',
      body: { refresh_token: '{{refresh_token}}' },
      before() {
        pm.environment.set('used_refresh_token', pm.environment.get('refresh_token'));
      },
      keepTokens: true,
      after() {
        pm.test('gives another refresh token, of the same session', () => {
          const tokens = pm.response.json();
          pm.expect(tokens.refresh_token).not.to.equal(pm.environment.get('used_refresh_token'));
          pm.expect(tokens.session_id).to.equal(pm.environment.get('session_id'));
        });
      },
    },
    {
      operation: 'refreshTokens',
      name: 'The used one again',
      about: 'For half a minute it gets the same answer, in case the first was lost. After that it counts as stolen.',
      body: { refresh_token: '{{used_refresh_token}}' },
      after() {
        pm.test('gives the same refresh token once more', () => {
          pm.expect(pm.response.json().refresh_token).to.equal(pm.environment.get('refresh_token'));
        });

        pm.environment.unset('used_refresh_token');
      },
    },
    {
      operation: 'refreshTokens',
      name: 'A forged refresh token',
      body: { refresh_token: 'AcFTi4L3FoAAAZogOfZs4XtMnFFqXY8OKzEBAAAAAA' },
      refused: 'invalid_refresh_token',
      after() {
        // The next request needs it.
        pm.environment.set('old_access_token', pm.environment.get('access_token'));
        pm.environment.set('access_token_expires_at', Date.now() + 5000);
      },
    },
    {
      operation: 'welcome',
      name: 'With an access token about to expire',
      about: 'As far as the environment knows, it has five seconds left. It is renewed before this request is sent.',
      after() {
        pm.test('was renewed first', () => {
          pm.expect(pm.environment.get('access_token')).not.to.equal(pm.environment.get('old_access_token'));
          pm.expect(Number(pm.environment.get('access_token_expires_at'))).to.be.above(Date.now() + 30000);
        });

        // The next request must not find them.
        pm.environment.unset('old_access_token');
        pm.environment.unset('access_token');
      },
    },
    {
      operation: 'welcome',
      name: 'With no access token at all',
      about: 'The refresh token is enough to get one.',
      after() {
        pm.test('was got first', () => {
          pm.expect(pm.environment.get('access_token')).to.be.a('string');
        });
      },
    },
  ],
};
