import { z } from 'zod';
import { existing } from '../admin/endpoints.js';
import { endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { actorOf } from '../sessions/actor.js';
import { requireFreshSignIn } from '../sessions/step-up.js';
import { endApiKeyOf } from './end.js';
import { apiKeyJson, apiKeyListSchema, madeKeySchema } from './json.js';
import { listLiveKeys } from './list.js';
import { makeApiKey, requireServiceUser } from './make.js';
import { newKeyFields, wantedKey } from './new-key-fields.js';

export const list = endpoint({
  name: 'listUserApiKeys',
  summary: 'List the API keys of a user',
  statements: 2,
  reply: [200, apiKeyListSchema],
  returns: 'The keys of the user that have not ended, the oldest first.',
  errors: ['not_found'],
  async handler({ deps, id }) {
    await existing(deps, id);
    return { body: { data: (await listLiveKeys(deps, id)).map(apiKeyJson) } };
  },
});

const makeSchema = z
  .strictObject(newKeyFields)
  .meta({ id: 'MakeUserApiKeyBody', example: { name: 'Nightly backup', scopes: ['todos:read'] } });

export const make = endpoint({
  name: 'makeUserApiKey',
  summary: 'Make an API key of a service user',
  statements: 4,
  body: makeSchema,
  reply: [201, madeKeySchema],
  returns: 'The key. Its text is shown this once.',
  errors: ['insufficient_user_authentication', 'forbidden', 'not_found', 'not_a_service_user', 'too_many_api_keys'],
  async handler(context) {
    const { deps, principal, id, body } = context;
    requireFreshSignIn(principal, deps.config.freshAuthMaxAge);
    const maker = { actor: actorOf(context), rights: principal.permissions };
    const { key, ...made } = await makeApiKey(
      deps,
      id,
      wantedKey(body, deps.config.apiKeys),
      { ...maker, needs: 'service-users:write' },
      requireServiceUser,
    );
    return { body: { ...apiKeyJson(made), key } };
  },
});

export const end = endpoint({
  name: 'endUserApiKey',
  summary: 'End an API key of a user',
  statements: 5,
  reply: [204],
  returns: 'The key has ended, here and on every instance.',
  errors: ['forbidden', 'not_found'],
  async handler(context) {
    const { deps, principal, id, innerId } = context;
    const which = { id: innerId, ownerId: id };
    if (!(await endApiKeyOf(deps, which, actorOf(context), principal.permissions))) throw new AppError('not_found');
    return {};
  },
});
