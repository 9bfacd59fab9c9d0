import { z } from 'zod';
import type { Context } from '../endpoint.js';
import { endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { requireProof, requireStillProven } from '../passwords/proof.js';
import { areForFew } from '../permissions/permissions.js';
import { proofFields } from '../second-factor/proof-body.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { requireAuthentication } from '../sessions/step-up.js';
import { endApiKey } from './end.js';
import { apiKeyJson, apiKeyListSchema, madeKeySchema } from './json.js';
import { listLiveKeys } from './list.js';
import { makeApiKey } from './make.js';
import { newKeyFields, wantedKey } from './new-key-fields.js';

export const list = endpoint({
  name: 'listApiKeys',
  summary: 'List your API keys',
  statements: 1,
  reply: [200, apiKeyListSchema],
  returns: 'Your keys that have not ended, the oldest first.',
  async handler({ deps, principal }) {
    return { body: { data: (await listLiveKeys(deps, principal.sub)).map(apiKeyJson) } };
  },
});

const makeSchema = z.strictObject({ ...newKeyFields, ...proofFields }).meta({
  id: 'MakeApiKeyBody',
  example: { name: 'Nightly backup', scopes: ['todos:read'], password: 'nine geese over a quiet lake' },
});

/** A key outlives the session that made it, so a stolen session must not become one. */
export const make = endpoint({
  name: 'makeApiKey',
  summary: 'Make an API key',
  statements: 6,
  body: makeSchema,
  reply: [201, madeKeySchema],
  returns: 'The key. Its text is shown this once.',
  errors: ['forbidden', 'insufficient_user_authentication', 'invalid_credentials', 'too_many_api_keys', 'overloaded'],
  async handler(context) {
    const { deps, principal, body, caller } = context;
    if (deps.config.apiKeys.on && !deps.config.apiKeys.forPersons)
      throw new AppError('forbidden', { detail: 'On this server only service users have new API keys.' });
    const wanted = wantedKey(body, deps.config.apiKeys);
    requireStanding(context, wanted.scopes);
    const proven = await requireProof(context, body.password);
    const maker = { actor: { actorId: principal.sub, caller }, rights: principal.permissions };
    const { key, ...made } = await makeApiKey(deps, principal.sub, wanted, maker, async (owner, tx) => {
      requireStillProven(owner, proven);
      const session = { id: principal.sid, endedAt: null, epoch: owner.epoch };
      if ((await tx.session.count({ where: session })) === 0) throw new AppError('session_revoked');
    });
    return { body: { ...apiKeyJson(made), key } };
  },
});

/** What only some may takes the sign-in that `/admin/` asks for: a key must be no way around it. */
function requireStanding({ deps, principal }: Pick<Context<AccessClaims>, 'deps' | 'principal'>, scopes: string[]) {
  if (areForFew(scopes)) requireAuthentication(principal, { acr: deps.config.acr.admin });
}

export const end = endpoint({
  name: 'endApiKey',
  summary: 'End one of your API keys',
  statements: 2,
  reply: [204],
  returns: 'The key has ended, here and on every instance.',
  errors: ['not_found'],
  async handler({ deps, principal, id, caller }) {
    const isEnded = await endApiKey(deps, { id, ownerId: principal.sub }, { actorId: principal.sub, caller });
    if (!isEnded) throw new AppError('not_found');
    return {};
  },
});
