/* global pm */

const mailed =
  'The right token is in a mail, which Postman can’t read: in a file below `.data/mail/`, unless the server has `SMTP_URL`. ' +
  'Paste it in the place of this one.';

export const passwordAndEmail = {
  name: 'Password & e-mail',
  about: 'What is mailed can’t be read from here, so the tokens of these requests are wrong ones, and are refused.',
  steps: [
    {
      operation: 'changePassword',
      name: 'A wrong current password',
      body: { current_password: 'not the one that was chosen', new_password: 'a password that will not count' },
      refused: 'invalid_credentials',
    },
    {
      operation: 'changePassword',
      name: 'Another password',
      about: 'Every other session ends; this one goes on.',
      body: { current_password: '{{password}}', new_password: '{{new_password}}' },
      before() {
        pm.environment.set('new_password', `a new ${pm.environment.get('password')}`);
      },
      after() {
        pm.environment.set('password', pm.environment.get('new_password'));
        pm.environment.unset('new_password');
      },
    },
    {
      operation: 'updateMe',
      name: 'Another e-mail',
      about: 'Counts once the link that is mailed there is opened. Until then the old one does.',
      body: { email: 'new-{{username}}@example.com', password: '{{password}}' },
      after() {
        pm.test('still has the old one', () => {
          pm.expect(pm.response.json().email).to.match(/^ada-/);
        });
      },
    },
    { operation: 'resendVerification', name: 'Mail the link again', about: 'Always 202.', body: {} },
    {
      operation: 'verifyEmail',
      name: 'Verify it, with a wrong token',
      about: mailed,
      body: { token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo' },
      refused: 'invalid_token',
    },
    {
      operation: 'showAcceptInvitationPage',
      name: 'The page that an invitation leads to',
      about: 'Its form signs up; opening it uses nothing up.',
      query: { token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo' },
    },
    {
      operation: 'showVerifyEmailPage',
      name: 'The page that such a link leads to',
      about: 'Its button posts the token; opening it uses nothing up.',
      query: { token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo' },
      after() {
        pm.test('sends its address nowhere', () => {
          pm.expect(pm.response.headers.get('Referrer-Policy')).to.equal('no-referrer');
        });
      },
    },
    {
      operation: 'forgotPassword',
      name: 'Forgot the password',
      about: 'Always 202, whether or not a user has this address. If a user has it, a mail is sent.',
      body: { email: '{{username}}@example.com' },
    },
    {
      operation: 'resetPassword',
      name: 'Reset it, with a wrong token',
      about: mailed,
      body: { token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo', password: 'a password that will not count' },
      refused: 'invalid_token',
    },
    {
      operation: 'showResetPasswordPage',
      name: 'The page that this link leads to',
      query: { token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo' },
      after() {
        pm.test('asks for a new password', () => {
          pm.expect(pm.response.text()).to.include('type="password"');
        });
      },
    },
    {
      operation: 'exportMe',
      name: 'Export my data',
      after() {
        pm.test('is about you, and has the mails', () => {
          const { user, mails } = pm.response.json();
          pm.expect(user.id).to.equal(pm.environment.get('user_id'));
          pm.expect(mails).not.to.be.empty;
        });
      },
    },
  ],
};
