/* global pm */

const byKey = '{{api_key}}';

export const machines = {
  name: 'Machines',
  about: 'How programs come in: an API key, where an access token may be, or OAuth’s client credentials.',
  steps: [
    {
      operation: 'makeApiKey',
      name: 'Make a key',
      about: 'It is shown this once. `scopes` are permissions; `expires_in` is in seconds.',
      body: { name: 'Nightly backup', scopes: ['todos:read'], expires_in: 3600, password: '{{password}}' },
      after() {
        const { id, key } = pm.response.json();
        pm.environment.set('api_key_id', id);
        pm.environment.set('api_key', key);
      },
    },
    {
      operation: 'makeApiKey',
      name: 'Make a key for more than you may',
      about: 'Nobody gives more than they have.',
      body: { name: 'Too much', scopes: ['users:read'], password: '{{password}}' },
      refused: 'forbidden',
    },
    {
      operation: 'listApiKeys',
      name: 'List your keys',
      about: 'Without their text.',
      after() {
        pm.test('has the new one, without its text', () => {
          const [listed] = pm.response.json().data;
          pm.expect(listed.id).to.equal(pm.environment.get('api_key_id'));
          pm.expect(listed).not.to.have.property('key');
        });
      },
    },
    { operation: 'welcome', name: 'Open a door with the key', about: 'Any token or key does here.', token: byKey },
    { operation: 'listTodos', name: 'Read your todos with the key', about: 'Its scope says so.', token: byKey },
    {
      operation: 'getMe',
      name: 'The key may not read who you are',
      token: byKey,
      refused: 'forbidden',
      after() {
        pm.test('names what is missing', () => {
          pm.expect(pm.response.json().scope).to.equal('profile:read');
          pm.expect(pm.response.headers.get('WWW-Authenticate')).to.include('scope="profile:read"');
        });
      },
    },
    {
      operation: 'listSessions',
      name: 'No key sees sessions',
      about: 'Whatever its scopes: a row takes keys only if it says so.',
      token: byKey,
      refused: 'session_required',
    },
    {
      operation: 'getClientToken',
      name: 'Change the key into an access token',
      about: 'Any service can check it by the public keys. The client’s id is the user’s, its secret is the key.',
      basic: ['{{user_id}}', byKey],
      form: { grant_type: 'client_credentials', scope: 'todos:read' },
      after() {
        pm.environment.set('client_token', pm.response.json().access_token);
        pm.test('may what was asked', () => {
          pm.expect(pm.response.json().scope).to.equal('todos:read');
        });
      },
    },
    { operation: 'listTodos', name: 'Read your todos with that token', token: '{{client_token}}' },
    {
      operation: 'revokeToken',
      name: 'End the key by showing it',
      about: 'Whoever finds a key can end it. The answer is the same for any text.',
      form: { token: byKey },
    },
    { operation: 'listTodos', name: 'The key is refused at once', token: byKey, refused: 'api_key_revoked' },
    {
      operation: 'listTodos',
      name: 'So is the token that was made from it',
      token: '{{client_token}}',
      refused: 'session_revoked',
      after() {
        for (const name of ['api_key', 'client_token']) pm.environment.unset(name);
      },
    },
    {
      operation: 'endApiKey',
      name: 'End a key that has ended',
      about: 'Else this is how you end one: 204.',
      id: '{{api_key_id}}',
      refused: 'not_found',
      after() {
        pm.environment.unset('api_key_id');
      },
    },
  ],
};
