import { v7 as uuidv7 } from 'uuid';
import type { Deps } from '../deps.js';
import { enqueueVerification } from '../email/mails.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import { deviceOf, type SignedIn, signIn } from '../log-in/sign-in.js';
import type { Caller } from '../platform/caller.js';
import { uniqueViolation } from '../platform/db/errors.js';
import { type External, insertIdentity } from '../sessions/external.js';
import { deviceTokenFor } from '../sessions/known-devices.js';
import { type Proof, startFirstSession } from '../sessions/start.js';
import { countSignUp } from '../sign-up/limits.js';
import { claimingName, keepSignUp } from '../sign-up/pending.js';
import { objectionToDomain } from '../users/fields.js';
import { canonical, insertUser, type User } from '../users/users.js';
import { findUser, wasOver } from './find-user.js';
import { type AnsweredFlow, flowLife, turnIntoLink, useCode } from './flows.js';
import { maxIdentities } from './link.js';
import { newUsername } from './new-username.js';

type Asking = { flow: AnsweredFlow; username: string | undefined; deviceToken: string | undefined; caller: Caller };

/** @property isNew whether the user is */
export type SignInOutcome = (SignedIn & { isNew: boolean }) | { pending: User };

// Each further try means that someone changed the same at the same moment.
const mostTries = 5;

/**
 * Signs in the person whom a provider has vouched for: the user with that identity, else a new one. That a user here has
 * the address is never a reason to sign in as them.
 * @throws AppError second_factor_required, account_disabled, email_unverified, login_refused, signup_closed,
 * signup_refused, link_required, username_taken, validation_failed, rate_limited, invalid_one_time_token
 */
export async function signInByProvider(deps: Deps, asking: Asking): Promise<SignInOutcome> {
  const count = (outcome: Parameters<typeof deps.metrics.signIns.byProvider>[1]) =>
    deps.metrics.signIns.byProvider(asking.flow.person.provider, outcome);
  try {
    const outcome = await tryAgain(deps, asking);
    count('pending' in outcome || outcome.isNew ? 'signed_up' : 'signed_in');
    return outcome;
  } catch (error) {
    if (error instanceof AppError) count(isTold(error.code) ? error.code : 'refused');
    throw error;
  }
}

function isTold(code: string): code is 'second_factor_required' | 'link_required' {
  return code === 'second_factor_required' || code === 'link_required';
}

async function tryAgain(deps: Deps, asking: Asking): Promise<SignInOutcome> {
  for (let tries = 0; tries < mostTries; tries++) {
    const outcome = await tryOnce(deps, asking);
    if (outcome) return outcome;
  }
  throw new AppError('invalid_one_time_token');
}

/** @returns undefined if what it went by has changed meanwhile */
async function tryOnce(deps: Deps, asking: Asking): Promise<SignInOutcome | undefined> {
  const { person, epoch } = asking.flow;
  const found = await findUser(deps, person);
  if (found?.user.pendingUntil && (await wasOver(deps, found.user))) return undefined;
  const by = { provider: person.provider, sessionId: uuidv7() };
  if (found?.identityId) return known(deps, asking, found.user, { ...by, identityId: found.identityId }, epoch);
  const { identityLinking } = deps.config;
  if (!found || identityLinking === 'off') return signUp(deps, asking, found !== undefined);
  if (identityLinking === 'verified' && found.user.emailVerifiedAt !== null && found.identities < maxIdentities)
    return known(deps, asking, found.user, { ...by, identityId: uuidv7(), link: person }, epoch);
  const token = await turnIntoLink(deps, asking.flow);
  if (token === undefined) throw new AppError('invalid_one_time_token');
  throw new AppError('link_required', { members: { link_token: token, expires_in: flowLife.toLink } });
}

async function known(
  deps: Deps,
  { flow, deviceToken, caller }: Asking,
  user: User,
  external: External,
  epoch: number | null,
): Promise<SignInOutcome | undefined> {
  const first: Proof = {
    userId: user.id,
    epoch: epoch ?? user.epoch,
    amr: ['fed'],
    acr: flow.person.acr,
    external,
    spendFirst: external.link ? linkedFirst(flow, external) : usedFirst(flow, external),
  };
  const proof = user.secondFactor === 'off' ? first : undefined;
  const how = { by: 'provider', provider: external.provider, captchaToken: undefined } as const;
  const device = deviceOf(deps, user, deviceToken);
  const signedIn = await signIn(deps, { user, first, proof, device, how, caller });
  if (signedIn) return { ...signedIn, isNew: false };
  // All that the user had was ended since the provider answered.
  if (epoch !== null && epoch < user.epoch) throw new AppError('invalid_one_time_token');
  return undefined;
}

/** The code, and the identity if it is linked still. */
function usedFirst(flow: AnsweredFlow, { sessionId, identityId }: External): Prisma.Sql {
  return Prisma.sql`code AS (${useCode(flow, sessionId, Prisma.sql`FROM held`)}), first AS (
    UPDATE identity SET last_used_at = clock_timestamp() FROM held, code
    WHERE identity.id = ${identityId}::uuid AND identity.user_id = held.id RETURNING identity.id)`;
}

/** The code alone; the address must be the user's still. */
function linkedFirst(flow: AnsweredFlow, { sessionId }: External): Prisma.Sql {
  const key = canonical(flow.person.email ?? '');
  const from = Prisma.sql`FROM (SELECT FROM held WHERE email_key = ${key} AND email_verified_at IS NOT NULL) held`;
  return Prisma.sql`first AS (${useCode(flow, sessionId, from)})`;
}

/** @param isAddressTaken by a user here: then the new one gets none @throws AppError signup_closed, signup_refused, username_taken */
async function signUp(
  deps: Deps,
  { flow, username, deviceToken, caller }: Asking,
  isAddressTaken: boolean,
): Promise<SignInOutcome | undefined> {
  const { signup } = deps.config;
  if (signup === 'closed') throw new AppError('signup_closed');
  const { email, isVouchedFor } = flow.person;
  const isGood = email !== null && objectionToDomain(email, deps.config.mail.localDomains) === undefined;
  const address = isGood && !isAddressTaken ? email : null;
  if (signup === 'verified' && address === null)
    throw new AppError('validation_failed', {
      errors: [{ path: 'code', message: 'This server needs an e-mail address, and the provider told none.' }],
    });
  await countSignUp(deps, caller, address !== null && !isVouchedFor);
  const name = username ?? newUsername(flow.person);
  await beforeSignUp(deps, flow, name, address, caller);
  const given = { username: name, address, caller, deviceToken };
  try {
    return signup === 'verified' && !isVouchedFor
      ? await signUpPending(deps, flow, name, String(address))
      : await signUpAtOnce(deps, flow, given, isVouchedFor);
  } catch (error) {
    const taken = error instanceof AppError ? error.code : uniqueViolation(error);
    const isOwnName = username === undefined && taken === 'username_taken';
    if (isOwnName || taken === 'email_taken' || taken === 'issuer_subject') return undefined;
    throw error;
  }
}

function beforeSignUp(
  { hooks }: Deps,
  { person: { provider } }: AnsweredFlow,
  username: string,
  address: string | null,
  caller: Caller,
): Promise<void> {
  const email = address ?? undefined;
  return hooks.beforeSignUp({ username, email, by: 'provider', provider, captchaToken: undefined, caller });
}

type NewUserOf = { username: string; address: string | null; deviceToken: string | undefined; caller: Caller };

async function signUpAtOnce(
  deps: Deps,
  flow: AnsweredFlow,
  { username, address, deviceToken, caller }: NewUserOf,
  isVouchedFor: boolean,
): Promise<SignInOutcome | undefined> {
  const { person } = flow;
  const [userId, identityId, sessionId] = [uuidv7(), uuidv7(), uuidv7()];
  const external: External = { identityId, provider: person.provider, sessionId };
  const email = isVouchedFor ? { email: address, isEmailVerified: address !== null } : pendingOf(address);
  const inserted = insertUser(
    userId,
    { username, ...email, passwordHash: null },
    { lastLoginAt: Prisma.sql`clock_timestamp()`, from: Prisma.sql`FROM first` },
  );
  const users = Prisma.sql`first AS (${useCode(flow, sessionId)}), u AS (${inserted})`;
  const identity = Prisma.sql`identified AS (${insertIdentity(external, person, Prisma.sql`FROM u`)})`;
  const proof: Proof = { userId, epoch: 0, amr: ['fed'], acr: person.acr, external, also: identity };
  const mail = isVouchedFor ? undefined : enqueueVerification(Prisma.sql`FROM u`);
  const tokens = await claimingName(deps, username, () => startFirstSession(deps, users, proof, caller, mail));
  if (!tokens) throw new AppError('invalid_one_time_token');
  const known = deviceTokenFor(deps.keys, tokens.user, deviceToken);
  return { tokens, deviceToken: known, recoveryCodesLeft: undefined, isNew: true };
}

function pendingOf(address: string | null) {
  return address === null ? {} : { pendingEmail: address };
}

async function signUpPending(deps: Deps, flow: AnsweredFlow, username: string, email: string): Promise<SignInOutcome> {
  const external = { identityId: uuidv7(), provider: flow.person.provider };
  const first = Prisma.sql`first AS (${useCode(flow, null)})`;
  const also = Prisma.sql`identified AS (${insertIdentity(external, flow.person, Prisma.sql`FROM u`)})`;
  const user = await keepSignUp(deps, { username, email, passwordHash: null }, { first, also });
  if (!user) throw new AppError('invalid_one_time_token');
  return { pending: user };
}
