/* global pm */

const token = '{{careful_access_token}}';
const nobodys = '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31';

export const passkeys = {
  name: 'Passkeys',
  about:
    'Passkeys can’t be done in Postman: only a browser or a phone can make one and sign with it. So these requests show ' +
    'the form, and the answers to what was not signed. Try passkeys on the page at `/`.',
  steps: [
    {
      operation: 'getPasskeyCreationOptions',
      name: 'Begin a passkey',
      about: '`options` is for `PublicKeyCredential.parseCreationOptionsFromJSON`.',
      token,
      body: { password: '{{password}}' },
      after() {
        pm.test('wants a passkey that verifies its user', () => {
          const { userVerification } = pm.response.json().options.authenticatorSelection;
          pm.expect(userVerification).to.equal('required');
        });
      },
    },
    {
      operation: 'addPasskey',
      name: 'Add one that another challenge was signed for',
      about: '`passkey` is what `toJSON()` gives.',
      token,
      refused: 'challenge_expired',
    },
    {
      operation: 'getPasskeyOptions',
      name: 'Get a challenge to sign in',
      about: 'The same for all but the challenge, so it tells nothing of any user.',
    },
    { operation: 'logInWithPasskey', name: 'Sign in with a foreign challenge', refused: 'challenge_expired' },
    {
      operation: 'renamePasskey',
      name: 'Rename a passkey that is not mine',
      token,
      id: nobodys,
      body: { name: 'Ada’s laptop' },
      refused: 'not_found',
    },
    {
      operation: 'removePasskey',
      name: 'Remove a passkey that is not mine',
      token,
      id: nobodys,
      body: { password: '{{password}}' },
      refused: 'not_found',
    },
    {
      operation: 'getAppleAppSiteAssociation',
      name: 'For iOS apps',
      about: 'Nothing, unless `PASSKEY_APPS` names one.',
      refused: 'not_found',
    },
    {
      operation: 'getAssetLinks',
      name: 'For Android apps',
      about: 'Nothing, unless `PASSKEY_APPS` names one.',
      refused: 'not_found',
    },
    {
      operation: 'getRelatedOrigins',
      name: 'For pages of other sites',
      about: 'Nothing, unless `PASSKEY_ORIGINS` names one.',
      refused: 'not_found',
    },
    {
      operation: 'deleteMe',
      name: 'The careful user leaves',
      token,
      body: { password: '{{password}}' },
      after() {
        for (const name of ['careful_username', 'careful_access_token']) pm.environment.unset(name);
      },
    },
  ],
};
