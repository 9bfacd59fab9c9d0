/* global pm */
import { webhookSteps } from './webhooks.mjs';

export const administration = {
  name: 'Administration',
  about:
    'Needs an admin: start the server with `ADMIN_USERNAME` and `ADMIN_PASSWORD` as the environment has them ' +
    '(`admin_username`, `admin_password`). Without one, the rest of this folder is skipped.',
  before() {
    if (pm.info.requestName === 'Without the role') lookForAdmin();
    else if (pm.environment.get('admin_missing')) skip();

    function lookForAdmin() {
      pm.environment.unset('admin_missing');
      const body = {
        username: pm.environment.get('admin_username'),
        password: pm.environment.get('admin_password'),
      };
      send('/auth/login', body, (error, answer) => {
        const found = !error && answer.code === 200 ? answer.json() : undefined;
        if (found) send('/auth/logout', { refresh_token: found.refresh_token }, () => {});
        if (found?.user.roles.includes('admin')) return;
        pm.environment.set(
          'admin_missing',
          `This server has no admin "${body.username}" with that password: start it with ADMIN_USERNAME and ADMIN_PASSWORD.`,
        );
      });
    }

    function send(path, body, then) {
      const request = {
        url: `${pm.environment.get('baseUrl')}${path}`,
        method: 'POST',
        header: { 'Content-Type': 'application/json' },
        body: { mode: 'raw', raw: JSON.stringify(body) },
      };
      pm.sendRequest(request, then);
    }

    function skip() {
      console.warn(`"${pm.info.requestName}" is skipped. ${pm.environment.get('admin_missing')}`);
      pm.execution.skipRequest();
    }
  },
  steps: [
    {
      operation: 'listUsers',
      name: 'Without the role',
      about: 'You are not an admin yet.',
      refused: 'forbidden',
      after() {
        pm.test('tells what is missing', () => {
          pm.expect(pm.response.headers.get('WWW-Authenticate')).to.include('error="insufficient_scope"');
        });
        const missing = pm.environment.get('admin_missing');
        if (missing) pm.test.skip(`the rest of this folder is skipped. ${missing}`, () => {});
      },
    },
    {
      operation: 'signUp',
      name: 'A guest signs up',
      about: 'A user to try things on. You stay signed in as before.',
      body: { username: '{{guest_username}}', password: '{{password}}' },
      before() {
        pm.environment.set('guest_username', `guest-${pm.variables.replaceIn('{{$guid}}').slice(0, 8)}`);
      },
      after() {
        pm.environment.set('guest_id', pm.response.json().user.id);
      },
    },
    {
      operation: 'logIn',
      name: 'Log in as the admin',
      about: 'From here on you are the admin, until you log in as another user.',
      body: { username: '{{admin_username}}', password: '{{admin_password}}' },
      keepTokens: true,
      after() {
        pm.test('has the role', () => {
          pm.expect(pm.response.json().user.roles).to.include('admin');
        });
      },
    },
    {
      operation: 'listUsers',
      name: 'Find a user',
      about: '`q` is looked for anywhere in usernames and e-mails.',
      query: { q: '{{username}}', limit: '10' },
      after() {
        pm.test('finds the first user', () => {
          pm.expect(pm.response.json().data.map(({ id }) => id)).to.eql([pm.environment.get('user_id')]);
        });
      },
    },
    {
      operation: 'getUser',
      name: 'Get a user',
      id: '{{user_id}}',
      after() {
        pm.test('is that user, and may sign in', () => {
          pm.expect(pm.response.json()).to.include({ id: pm.environment.get('user_id'), disabled: false });
        });
      },
    },
    {
      operation: 'updateUser',
      name: 'Give a role',
      about: 'In force at once: older access tokens of this user answer `token_stale`, and a refresh gives a new one.',
      id: '{{user_id}}',
      body: { roles: ['editor'] },
      after() {
        pm.test('is an editor now', () => {
          pm.expect(pm.response.json().roles).to.eql(['editor']);
        });
      },
    },
    {
      operation: 'listUserSessions',
      name: 'Where is a user signed in?',
      id: '{{user_id}}',
      after() {
        pm.test('has a session, and none that asks', () => {
          const { data } = pm.response.json();
          pm.expect(data).not.to.be.empty;
          pm.expect(data.some((session) => session.current)).to.equal(false);
        });
      },
    },
    { operation: 'logOutUser', name: 'End all of them', id: '{{user_id}}' },
    {
      operation: 'listUserSignInMethods',
      name: 'What does a user sign in with?',
      id: '{{user_id}}',
      after() {
        pm.test('has a password and no second factor', () => {
          pm.expect(pm.response.json()).to.include({ password: true, second_factor: 'off' });
        });
      },
    },
    {
      operation: 'removeUserSecondFactors',
      name: 'Help after a lost phone',
      about: 'Removes every authenticator app, passkey and recovery code. Be sure who asks you for it.',
      id: '{{user_id}}',
      body: { password: '{{admin_password}}' },
    },
    {
      operation: 'updateUser',
      name: 'Disable the guest',
      about: 'Every session of theirs ends.',
      id: '{{guest_id}}',
      body: { disabled: true },
      after() {
        pm.test('is disabled', () => {
          pm.expect(pm.response.json().disabled).to.equal(true);
        });
      },
    },
    {
      operation: 'logIn',
      name: 'The guest is out',
      about: 'Only a client with the right password learns it.',
      body: { username: '{{guest_username}}', password: '{{password}}' },
      refused: 'account_disabled',
    },
    { operation: 'deleteUser', name: 'Delete the guest', id: '{{guest_id}}' },
    { operation: 'getUser', name: 'The guest is gone', id: '{{guest_id}}', refused: 'not_found' },
    {
      operation: 'listRoles',
      name: 'Which roles are there?',
      about: 'Roles and permissions are code: `src/own/permissions.ts` has your own.',
      after() {
        pm.test('has the role of administrators', () => {
          pm.expect(pm.response.json().roles.map(({ name }) => name)).to.include('admin');
        });
      },
    },
    {
      operation: 'inviteUser',
      name: 'Invite a person',
      about: 'The link is in the mail alone. It works once, under every `SIGNUP`.',
      body: { email: 'invited-{{guest_username}}@example.com', roles: ['editor'] },
      after() {
        pm.environment.set('invitation_id', pm.response.json().id);
      },
    },
    {
      operation: 'listInvitations',
      name: 'Who is invited?',
      after() {
        pm.test('has the new one', () => {
          const ids = pm.response.json().data.map(({ id }) => id);
          pm.expect(ids).to.include(pm.environment.get('invitation_id'));
        });
      },
    },
    {
      operation: 'endInvitation',
      name: 'Take it back',
      id: '{{invitation_id}}',
      after() {
        pm.environment.unset('invitation_id');
      },
    },
    {
      operation: 'createServiceUser',
      name: 'Make a service user',
      about: 'A program: it has roles and keys, no password and no sessions.',
      body: { kind: 'service', username: 'bot-{{guest_username}}', roles: ['admin'] },
      after() {
        pm.environment.set('service_id', pm.response.json().id);
      },
    },
    {
      operation: 'makeUserApiKey',
      name: 'Make a key for it',
      id: '{{service_id}}',
      body: { name: 'Asks about tokens', scopes: ['tokens:introspect'] },
      after() {
        const { id, key } = pm.response.json();
        pm.environment.set('service_key_id', id);
        pm.environment.set('service_key', key);
      },
    },
    {
      operation: 'introspectToken',
      name: 'Is this token good?',
      about: 'Another service asks, with its own key. It takes `tokens:introspect`.',
      token: '{{service_key}}',
      form: { token: '{{access_token}}' },
      after() {
        pm.test('is the admin’s, of a session', () => {
          pm.expect(pm.response.json()).to.include({ active: true, kind: 'session' });
        });
      },
    },
    {
      operation: 'introspectToken',
      name: 'Is this one?',
      about: 'What is not good is `active: false`, without a reason.',
      token: '{{service_key}}',
      form: { token: 'nonsense' },
      after() {
        pm.test('says no more than that', () => {
          pm.expect(pm.response.json()).to.eql({ active: false });
        });
      },
    },
    {
      operation: 'listUserApiKeys',
      name: 'Which keys does it have?',
      id: '{{service_id}}',
      after() {
        pm.test('has that one', () => {
          pm.expect(pm.response.json().data.map(({ id }) => id)).to.eql([pm.environment.get('service_key_id')]);
        });
      },
    },
    { operation: 'endUserApiKey', name: 'End its key', id: '{{service_id}}', key_id: '{{service_key_id}}' },
    {
      operation: 'deleteUser',
      name: 'Delete the service user',
      id: '{{service_id}}',
      after() {
        for (const name of ['service_id', 'service_key', 'service_key_id']) pm.environment.unset(name);
      },
    },
    ...webhookSteps,
    {
      operation: 'listAuditEvents',
      name: 'What happened?',
      about: 'The newest first. `action` picks one kind.',
      query: { user_id: '{{user_id}}', limit: '20' },
      after() {
        pm.test('tells of what was done here', () => {
          const actions = pm.response.json().data.map(({ action }) => action);
          pm.expect(actions).to.include.members(['roles.changed', 'session.ended', 'password.changed']);
        });
      },
    },
    { operation: 'logOut', name: 'The admin logs out', body: {} },
  ],
};
