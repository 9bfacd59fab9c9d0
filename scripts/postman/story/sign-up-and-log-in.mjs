/* global pm */

const credentials = { username: '{{username}}', password: '{{password}}' };

export const signUpAndLogIn = {
  name: 'Sign up & log in',
  about: 'In all other requests you are the user who signed in last.',
  steps: [
    {
      operation: 'signUp',
      name: 'Sign up',
      about: 'Makes up a new name and password each time it is sent, and keeps them in the environment.',
      body: { ...credentials, email: '{{username}}@example.com' },
      keepTokens: true,
      before() {
        const random = () => pm.variables.replaceIn('{{$guid}}');
        pm.environment.set('username', `ada-${random().slice(0, 8)}`);
        pm.environment.set('password', `a password of ${random()}`);
      },
      after() {
        const tokens = pm.response.json();
        pm.environment.set('user_id', tokens.user.id);

        pm.test('signs up the user of the request', () => {
          pm.expect(tokens.user.username).to.equal(pm.environment.get('username'));
          pm.expect(tokens.user.roles).to.eql([]);
        });

        pm.test('gives an access token that is good for as long as it says', () => {
          const claims = JSON.parse(atob(tokens.access_token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
          pm.expect(claims.sub).to.equal(tokens.user.id);
          pm.expect(claims.exp - claims.iat).to.equal(tokens.expires_in);
        });
      },
    },
    {
      operation: 'signUp',
      name: 'The same name again',
      about: 'Names are unique, regardless of case.',
      body: credentials,
      refused: 'username_taken',
    },
    {
      operation: 'signUp',
      name: 'A password that is too short',
      about: 'A password has at least 15 characters. `errors` tells what is wrong, and where.',
      body: { username: 'somebody-else', password: 'too short' },
      refused: 'validation_failed',
      after() {
        pm.test('tells which field is wrong', () => {
          pm.expect(pm.response.json().errors.map(({ path }) => path)).to.eql(['password']);
        });
      },
    },
    {
      operation: 'logIn',
      name: 'Log in',
      about: 'With the `device_token` of before, guesses of others at this name can’t lock you out.',
      body: { ...credentials, device_token: '{{device_token}}' },
      keepTokens: true,
      after() {
        pm.test('knows who logs in', () => {
          pm.expect(pm.response.json().user.id).to.equal(pm.environment.get('user_id'));
        });
      },
    },
    {
      operation: 'logIn',
      name: 'A wrong password',
      about: 'The same answer as for an unknown name.',
      body: { ...credentials, password: 'not the one that was chosen' },
      refused: 'invalid_credentials',
    },
  ],
};
