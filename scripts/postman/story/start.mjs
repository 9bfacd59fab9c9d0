/* global pm */

export const start = {
  name: 'Start',
  about: 'Is the server there?',
  steps: [
    {
      operation: 'checkReadiness',
      name: 'Is it ready?',
      about: 'Start the server with `npm start`. If it is elsewhere, change `baseUrl` in the environment.',
      after() {
        pm.test('is ready', () => {
          pm.expect(pm.response.json().status).to.equal('ok');
        });
      },
    },
    {
      operation: 'showDocs',
      name: 'Where to read on',
      about: 'Open it in a browser: every route, what it takes and what it answers.',
    },
    {
      operation: 'showPlayground',
      name: 'A page to try it on',
      about: 'Open it in a browser, too. In production it is off unless `PLAYGROUND=on`: a 404 then.',
    },
    { operation: 'showPlaygroundCallback', name: 'The same page, where providers answer' },
  ],
};
