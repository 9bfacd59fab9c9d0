/* global pm */

export const protectedRoutes = {
  name: 'Protected routes',
  about: 'What an access token opens.',
  steps: [
    {
      operation: 'welcome',
      name: 'Welcome',
      about: 'The collection’s authorization sends `{{access_token}}`.',
      after() {
        pm.test('lets you in', () => {
          pm.expect(pm.response.json().message).to.include('Welcome');
        });
      },
    },
    { operation: 'welcome', name: 'Welcome, without a token', token: null, refused: 'unauthenticated' },
    {
      operation: 'welcome',
      name: 'Welcome, with a forged token',
      token: 'eyJhbGciOiJub25lIn0.e30.',
      refused: 'invalid_token',
      after() {
        pm.test('tells that it is the token', () => {
          pm.expect(pm.response.headers.get('WWW-Authenticate')).to.include('error="invalid_token"');
        });
      },
    },
    {
      operation: 'getMe',
      name: 'Who am I?',
      after() {
        pm.test('knows you', () => {
          pm.expect(pm.response.json().username).to.equal(pm.environment.get('username'));
        });
      },
    },
    {
      operation: 'updateMe',
      name: 'Another username',
      about: 'Counts at once, also for the tokens that you have.',
      body: { username: '{{username}}-lovelace' },
      after() {
        const { id, username } = pm.response.json();
        pm.environment.set('username', username);

        pm.test('changes the name, and nothing else', () => {
          pm.expect(username).to.match(/-lovelace$/);
          pm.expect(id).to.equal(pm.environment.get('user_id'));
        });
      },
    },
  ],
};
