/* global pm */

const id = '{{webhook_id}}';

/** Steps of the administration: they need an admin. */
export const webhookSteps = [
  {
    operation: 'createWebhook',
    name: 'Have events sent to a URL',
    about: 'Signed, as Standard Webhooks 1.0 says. The `secret` is shown this once. This one goes nowhere.',
    body: { url: 'https://hooks.example.com/gatelatch', events: ['user.created'], description: 'From Postman' },
    after() {
      pm.environment.set('webhook_id', pm.response.json().id);
      pm.test('shows its secret', () => {
        pm.expect(pm.response.json().secret).to.match(/^whsec_/);
      });
    },
  },
  {
    operation: 'createWebhook',
    name: 'None to an address inside',
    about: 'Only `WEBHOOK_ALLOW` opens networks that are not public.',
    body: { url: 'https://127.0.0.1/', events: ['*'] },
    refused: 'validation_failed',
  },
  {
    operation: 'listWebhooks',
    name: 'Which webhooks are there?',
    query: { limit: '100' },
    after() {
      pm.test('has the new one, without its secret', () => {
        const listed = pm.response.json().data.find((one) => one.id === pm.environment.get('webhook_id'));
        pm.expect(listed.enabled).to.equal(true);
        pm.expect(listed).not.to.have.property('secret');
      });
    },
  },
  { operation: 'getWebhook', name: 'Get one webhook', id },
  {
    operation: 'changeWebhook',
    name: 'Let it have more events',
    id,
    body: { events: ['user.created', 'user.deleted'] },
    after() {
      pm.test('wants both', () => {
        pm.expect(pm.response.json().events).to.eql(['user.created', 'user.deleted']);
      });
    },
  },
  {
    operation: 'rotateWebhookSecret',
    name: 'Give it another secret',
    about: 'For a day the one before signs along, so that the receiver has time to learn the new one.',
    id,
  },
  {
    operation: 'pingWebhook',
    name: 'Send it a test event',
    id,
    after() {
      pm.environment.set('event_id', pm.response.json().event_id);
    },
  },
  {
    operation: 'listWebhookDeliveries',
    name: 'What was sent to it?',
    about: '`state` is `waiting`, `delivered` or `failed`. What fails is sent again, for some three days.',
    id,
    query: { limit: '10' },
    after() {
      pm.test('has the test event', () => {
        const ids = pm.response.json().data.map(({ event_id }) => event_id);
        pm.expect(ids).to.include(pm.environment.get('event_id'));
      });
    },
  },
  {
    operation: 'retryWebhookDelivery',
    name: 'Send that event again, now',
    about: 'With the same `webhook-id`, by which the receiver knows it.',
    id,
    event_id: '{{event_id}}',
  },
  {
    operation: 'replayWebhookEvents',
    name: 'Send the events of a time again',
    about: 'Out of the audit. Here of a time before there were any.',
    id,
    body: { since: '2000-01-01T00:00:00Z', until: '2000-01-02T00:00:00Z' },
    after() {
      pm.test('finds none in that time', () => {
        pm.expect(pm.response.json().count).to.equal(0);
      });
    },
  },
  {
    operation: 'deleteWebhook',
    name: 'Delete the webhook',
    about: 'What waits goes with it.',
    id,
    after() {
      for (const name of ['webhook_id', 'event_id']) pm.environment.unset(name);
    },
  },
];
