import express, { type Request } from 'express';
import type { Config } from '../config.js';
import type { Deps } from '../deps.js';
import type { Guard } from '../endpoint.js';
import { AppError } from '../errors.js';
import { callerOf } from '../platform/http/caller.js';
import { proofStep } from '../platform/http/passport.js';
import { callbackOf } from './callback.js';
import { type AnsweredFlow, type BegunFlow, findByCode, keepPerson, takeFlow } from './flows.js';
import { answerOf, isRefusal } from './openid.js';
import { personOf } from './person-of.js';
import { withParameters } from './redirect-uris.js';
import type { Provider } from './settings.js';
import { endSessionOfUsed } from './used-codes.js';

/** Where the browser goes from the callback. */
export type Return = { location: string };

/**
 * Requires a provider's answer to a flow that was begun here. Whatever else is wrong with the answer is told to the
 * client, where the browser goes in any case.
 */
export const providerAnswer: Guard<Return> = {
  name: 'provider-answer',
  refusals: ['invalid_request', 'not_found'],
  schemes: () => ({}),
  ignoresCookies: true,
  step(deps) {
    const prove = proofStep('provider-answer', (req) => returnOf(deps, req));
    return (req, res, admit, next) => {
      readForm(req, res, (error) => (error ? next(error) : prove(req, res, admit, next)));
    };
  },
};

/** Apple posts its answer as a form. In bytes. */
const readForm = express.raw({ limit: 16_384, inflate: false, type: 'application/x-www-form-urlencoded' });

function parametersOf({ method, body, originalUrl }: Request): URLSearchParams {
  if (method === 'POST') return new URLSearchParams(Buffer.isBuffer(body) ? body.toString() : '');
  return new URLSearchParams(originalUrl.split('?').slice(1).join('?'));
}

async function returnOf(deps: Deps, req: Request): Promise<Return> {
  const provider = findProvider(deps.config, String(req.params.provider));
  if (!provider) throw new AppError('not_found');
  const parameters = parametersOf(req);
  const [state = '', ...others] = parameters.getAll('state');
  const flow = others.length === 0 ? await takeFlow(deps, provider.name, state) : undefined;
  if (!flow)
    throw new AppError('invalid_request', {
      detail: 'This sign-in has expired, was finished already, or was not begun here. Begin it again in the app.',
    });
  const answer = await resultOf(deps, provider, { ...flow, state }, parameters);
  const iss = deps.config.tokens.issuer;
  return { location: withParameters(flow.redirectUri, { ...answer, state: flow.clientState, iss }) };
}

async function resultOf(
  deps: Deps,
  provider: Provider,
  flow: BegunFlow & { state: string },
  parameters: URLSearchParams,
): Promise<{ code: string } | { error: string }> {
  try {
    const redirectUri = callbackOf(deps.config, provider.name);
    const person = await personOf(provider, await answerOf(provider, parameters, { ...flow, redirectUri }), parameters);
    return { code: await keepPerson(deps, flow, person) };
  } catch (error) {
    const outcome = isRefusal(error) ? 'access_denied' : 'external_login_failed';
    deps.metrics.signIns.byProvider(provider.name, outcome);
    if (outcome === 'external_login_failed')
      deps.log.warn({ provider: provider.name, reason: reasonOf(error) }, 'a sign-in by a provider failed');
    return { error: outcome };
  }
}

/** Without what the provider sent: it may have tokens. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return [error.message, 'code' in error ? error.code : undefined].filter((part) => typeof part === 'string').join(' ');
}

export function findProvider({ providers }: Pick<Config, 'providers'>, name: string): Provider | undefined {
  return providers.find((one) => one.name === name);
}

/** Requires an external code, and the verifier that shows who began the flow, in the body. */
export const externalCode: Guard<AnsweredFlow> = {
  name: 'external-code',
  refusals: ['invalid_one_time_token'],
  schemes: () => ({}),
  bodyFirst: true,
  step: (deps) => proofStep('external-code', (req) => flowOfCode(deps, req.body, req)),
};

async function flowOfCode(
  deps: Deps,
  proof: { code: string; code_verifier: string },
  req: Request,
): Promise<AnsweredFlow> {
  const flow = await findByCode(deps, proof.code, proof.code_verifier);
  // A provider that is taken out of the settings opens nothing any more.
  if (flow && findProvider(deps.config, flow.person.provider)) return flow;
  await endSessionOfUsed(deps, proof, callerOf(req));
  throw new AppError('invalid_one_time_token', { detail: 'The code has expired, was used already, or is not yours.' });
}
