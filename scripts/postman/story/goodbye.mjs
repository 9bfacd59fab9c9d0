/* global pm */

const credentials = { username: '{{username}}', password: '{{password}}' };

export const goodbye = {
  name: 'Goodbye',
  about: 'Three ways to leave.',
  steps: [
    {
      operation: 'logIn',
      name: 'Log in again',
      body: credentials,
      keepTokens: true,
      after() {
        pm.test('has the new role', () => {
          const given = pm.environment.get('admin_missing') ? [] : ['editor'];
          pm.expect(pm.response.json().user.roles).to.eql(given);
        });
      },
    },
    {
      operation: 'logOut',
      name: 'Log out',
      about: 'By the access token, or, as here, by the refresh token.',
      body: { refresh_token: '{{refresh_token}}' },
      token: null,
    },
    {
      operation: 'welcome',
      name: 'The access token is refused at once',
      refused: 'session_revoked',
    },
    {
      operation: 'refreshTokens',
      name: 'So is the refresh token',
      body: { refresh_token: '{{refresh_token}}' },
      refused: 'session_revoked',
      after() {
        for (const name of ['access_token', 'refresh_token', 'session_id']) pm.environment.unset(name);
      },
    },
    { operation: 'logIn', name: 'Log in once more', body: credentials, keepTokens: true },
    { operation: 'logOutEverywhere', name: 'Log out everywhere' },
    { operation: 'logIn', name: 'Log in for the last time', body: credentials, keepTokens: true },
    {
      operation: 'deleteMe',
      name: 'Delete me',
      about: 'And all that is mine.',
      body: { password: '{{password}}' },
      after() {
        for (const name of ['access_token', 'refresh_token', 'device_token', 'session_id', 'user_id'])
          pm.environment.unset(name);
      },
    },
    { operation: 'logIn', name: 'The user is gone', body: credentials, refused: 'invalid_credentials' },
  ],
};
