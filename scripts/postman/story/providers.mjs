/* global pm */

const nobodys = '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31';
const madeUp = 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo';

export const providers = {
  name: 'Providers',
  about:
    'Signing in by Google, GitHub or another provider can’t be done in Postman alone: somebody has to say there who they ' +
    'are, in a browser. So these requests show the form, and the answers to what no provider has vouched for. Try it on ' +
    'the page at `/`, once a provider is set.',
  steps: [
    {
      operation: 'listProviders',
      name: 'Who can vouch for users?',
      about: 'Nobody, unless `PROVIDERS` names one. A page makes a button of each.',
    },
    {
      operation: 'beginExternal',
      name: 'Begin at a provider that is not set',
      about:
        'Else the answer has a `url`: open it in a browser. `code_challenge` is the SHA-256 of a code verifier that the ' +
        'client keeps.',
      body: {
        provider: 'nobody',
        redirect_uri: '{{baseUrl}}/callback',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        state: 'mine',
      },
      refused: 'validation_failed',
      after() {
        pm.test('says what is wrong', () => {
          pm.expect(pm.response.json().errors[0].path).to.equal('provider');
        });
      },
    },
    {
      operation: 'receiveAnswer',
      name: 'An answer of a provider that is not set',
      about:
        'Providers send the browser here, and we send it on to `redirect_uri`, with a code that is good for a minute.',
      provider: 'nobody',
      refused: 'not_found',
    },
    {
      operation: 'receiveAnswerByForm',
      name: 'The same as a form, as Apple sends it',
      provider: 'nobody',
      refused: 'not_found',
    },
    {
      operation: 'fetchExternalTokens',
      name: 'Finish with a code that is made up',
      about: 'A code is good once, with the verifier of the client that began.',
      body: { code: madeUp, code_verifier: madeUp },
      refused: 'invalid_token',
    },
    {
      operation: 'linkIdentity',
      name: 'Link what no one vouched for',
      about: '`link_token` comes with the refusal `link_required`.',
      body: { link_token: madeUp, password: '{{password}}' },
      refused: 'invalid_token',
    },
    {
      operation: 'unlinkIdentity',
      name: 'Unlink what is not mine',
      id: nobodys,
      body: { password: '{{password}}' },
      refused: 'not_found',
    },
  ],
};
