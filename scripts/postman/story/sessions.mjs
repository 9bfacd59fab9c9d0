/* global pm */

export const sessions = {
  name: 'Sessions',
  about: 'Each login is a session of its own. What has been ended is refused at once.',
  steps: [
    {
      operation: 'logIn',
      name: 'Log in on another device',
      about: 'Its tokens are put aside: you go on as before.',
      body: { username: '{{username}}', password: '{{password}}' },
      after() {
        const tokens = pm.response.json();
        pm.environment.set('other_session_id', tokens.session_id);
        pm.environment.set('other_access_token', tokens.access_token);

        pm.test('is another session', () => {
          pm.expect(tokens.session_id).not.to.equal(pm.environment.get('session_id'));
        });
      },
    },
    {
      operation: 'listSessions',
      name: 'Where am I signed in?',
      after() {
        const sessions = pm.response.json().data;

        pm.test('marks the one that asks', () => {
          const current = sessions.filter((session) => session.current).map(({ id }) => id);
          pm.expect(current).to.eql([pm.environment.get('session_id')]);
        });

        pm.test('has the other device', () => {
          pm.expect(sessions.map(({ id }) => id)).to.include(pm.environment.get('other_session_id'));
        });
      },
    },
    { operation: 'endSession', name: 'End the other one', id: '{{other_session_id}}' },
    {
      operation: 'welcome',
      name: 'The other device is out',
      about: 'Its access token had a quarter of an hour to live.',
      token: '{{other_access_token}}',
      refused: 'session_revoked',
      after() {
        pm.environment.unset('other_access_token');
      },
    },
    {
      operation: 'endSession',
      name: 'End it once more',
      about: 'What has ended is not there.',
      id: '{{other_session_id}}',
      refused: 'not_found',
      after() {
        pm.environment.unset('other_session_id');
      },
    },
  ],
};
