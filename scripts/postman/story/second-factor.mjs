/* global pm, CryptoJS */

const credentials = { username: '{{careful_username}}', password: '{{password}}' };
const token = '{{careful_access_token}}';

export const secondFactor = {
  name: 'Second factor',
  about:
    'Of another user, without an e-mail: one that is not verified carries no second factor. A script works the codes of ' +
    'the authenticator app out of its `secret` (RFC 6238).',
  steps: [
    {
      operation: 'signUp',
      name: 'A careful user signs up',
      about: 'You stay signed in as before.',
      body: credentials,
      before() {
        pm.environment.set('careful_username', `careful-${pm.variables.replaceIn('{{$guid}}').slice(0, 8)}`);
      },
      after() {
        pm.environment.set('careful_access_token', pm.response.json().access_token);
      },
    },
    {
      operation: 'enrolTotp',
      name: 'Begin an authenticator app',
      about: 'Send the password, so that a stolen access token is not enough. `qr_svg` is a picture for the app.',
      token,
      body: { name: 'Postman', password: '{{password}}' },
      after() {
        const { id, secret } = pm.response.json();
        pm.environment.set('totp_id', id);
        pm.environment.set('totp_secret', secret);
        pm.environment.unset('totp_step');
      },
    },
    {
      operation: 'confirmTotp',
      name: 'Confirm it by its first code',
      about: 'From now on the second factor is on. The recovery codes are told this once.',
      token,
      id: '{{totp_id}}',
      body: { code: '{{totp_code}}' },
      before: workOutCode,
      after() {
        const codes = pm.response.json().recovery_codes;
        pm.environment.set('recovery_code', codes[0]);

        pm.test('comes with ten recovery codes', () => {
          pm.expect(codes).to.have.lengthOf(10);
        });
      },
    },
    {
      operation: 'logIn',
      name: 'The password alone',
      about: 'No token before the second factor: only a login token, good for five minutes and for nothing else.',
      body: credentials,
      refused: 'second_factor_required',
      after() {
        const { login_token: loginToken, methods } = pm.response.json();
        pm.environment.set('careful_login_token', loginToken);

        pm.test('tells what this user has', () => {
          pm.expect(methods).to.eql(['totp', 'recovery_code']);
        });
      },
    },
    {
      operation: 'giveSecondFactor',
      name: 'The second step, by a recovery code',
      about: 'A code of the app goes in the same place.',
      body: { login_token: '{{careful_login_token}}', code: '{{recovery_code}}' },
      after() {
        pm.test('starts a session of two factors, and uses the code up', () => {
          pm.expect(pm.response.json()).to.include({ acr: 'aal2', recovery_codes_left: 9 });
        });
      },
    },
    {
      operation: 'logIn',
      name: 'Password and code in one call',
      about: 'For scripts. A code counts once, so this is the next one.',
      body: { ...credentials, code: '{{totp_code}}' },
      before: workOutCode,
      after() {
        const { access_token: accessToken, acr, amr } = pm.response.json();
        pm.environment.set('careful_access_token', accessToken);

        pm.test('tells how the user signed in', () => {
          pm.expect([acr, ...amr]).to.eql(['aal2', 'pwd', 'otp', 'mfa']);
        });
      },
    },
    {
      operation: 'getSignInMethods',
      name: 'What do I sign in with?',
      token,
      after() {
        pm.test('has the app, and the recovery codes that are left', () => {
          const { second_factor: secondFactor, totp, recovery_codes: codes } = pm.response.json();
          pm.expect([secondFactor, totp.length, codes.left]).to.eql(['any', 1, 9]);
        });
      },
    },
    {
      operation: 'renameTotp',
      name: 'Rename the app',
      token,
      id: '{{totp_id}}',
      body: { name: 'A script' },
      after() {
        pm.test('has the new name', () => {
          pm.expect(pm.response.json().name).to.equal('A script');
        });
      },
    },
    {
      operation: 'makeRecoveryCodes',
      name: 'New recovery codes',
      about: 'The former ones are dead. No password: you have just signed in with two factors.',
      token,
      body: {},
      after() {
        pm.environment.set('recovery_code', pm.response.json().recovery_codes[0]);
      },
    },
    {
      operation: 'reauthenticate',
      name: 'Prove anew who I am',
      about: 'After `insufficient_user_authentication`: the same session, and a new access token that says so.',
      token,
      body: { password: '{{password}}', code: '{{recovery_code}}' },
      after() {
        pm.environment.set('careful_access_token', pm.response.json().access_token);
      },
    },
    {
      operation: 'changeSignInMethods',
      name: 'Take passkeys alone',
      about: 'Needs two of them, or one and recovery codes.',
      token,
      body: { second_factor: 'passkey' },
      refused: 'last_sign_in_method',
    },
    { operation: 'forgetTrustedDevices', name: 'Ask on all devices again', token },
    {
      operation: 'removePassword',
      name: 'Do without a password',
      about: 'Needs a passkey and recovery codes.',
      token,
      body: {},
      refused: 'last_sign_in_method',
    },
    {
      operation: 'removeTotp',
      name: 'Remove the app',
      about: 'The last one turns the second factor off, and ends every other session.',
      token,
      id: '{{totp_id}}',
      body: {},
    },
    {
      operation: 'logIn',
      name: 'The password is enough again',
      body: credentials,
      after() {
        pm.environment.set('careful_access_token', pm.response.json().access_token);
        for (const name of ['totp_id', 'totp_secret', 'totp_step', 'totp_code', 'recovery_code', 'careful_login_token'])
          pm.environment.unset(name);
      },
    },
  ],
};

/** The next code of the authenticator app (RFC 6238): HMAC-SHA1 over the number of the half minute. */
function workOutCode() {
  const values = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...pm.environment.get('totp_secret')].map((char) => values.indexOf(char).toString(2).padStart(5, '0'));
  const bytes = bits.join('').match(/.{8}/g);
  const secret = bytes.map((byte) => parseInt(byte, 2).toString(16).padStart(2, '0')).join('');

  // A code counts once; the server takes that of the next half minute, too.
  const now = Math.floor(Date.now() / 30000);
  const step = Math.min(now + 1, Math.max(now, Number(pm.environment.get('totp_step') || 0) + 1));
  pm.environment.set('totp_step', step);

  const { Hex } = CryptoJS.enc;
  const moment = Hex.parse(step.toString(16).padStart(16, '0'));
  const mac = CryptoJS.HmacSHA1(moment, Hex.parse(secret)).toString(Hex);
  const start = parseInt(mac.slice(-1), 16) * 2;
  const number = parseInt(mac.slice(start, start + 8), 16) % 2 ** 31;
  pm.environment.set('totp_code', String(number % 1000000).padStart(6, '0'));
}
