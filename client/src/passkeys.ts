import { ask } from './api.js';
import type { components } from './api-types.js';
import type { Client } from './client.js';
import type { AddedPasskey, PasskeyAnswer, User } from './wire.js';

type Schemas = components['schemas'];

type Credential = { toJSON(): unknown };
type Asked = { publicKey: unknown; signal: AbortSignal; mediation?: 'conditional' };

/** The used part of Web Authentication, which not every browser has. */
const browser = globalThis as unknown as {
  PublicKeyCredential?: {
    parseRequestOptionsFromJSON?(options: object): unknown;
    parseCreationOptionsFromJSON(options: object): unknown;
    isConditionalMediationAvailable?(): Promise<boolean>;
    signalUnknownCredential?(passkey: { rpId: string; credentialId: string }): Promise<void>;
    signalAllAcceptedCredentials?(user: {
      rpId: string;
      userId: string;
      allAcceptedCredentialIds: string[];
    }): Promise<void>;
  };
  navigator: { credentials: { get(asked: Asked): Promise<Credential>; create(asked: Asked): Promise<Credential> } };
};

/** Whether this browser can use passkeys; with `conditional`, whether it offers them in a field for the username. */
export async function supportsPasskeys({ conditional = false } = {}): Promise<boolean> {
  const api = browser.PublicKeyCredential;
  if (!api?.parseRequestOptionsFromJSON) return false;
  return !conditional || ((await api.isConditionalMediationAvailable?.()) ?? false);
}

/**
 * Signs in without a name or password.
 * @param options with `conditional`, the browser offers passkeys in a field with `autocomplete="username webauthn"`; it
 * may wait for as long as the page is open, or until `signal`
 * @throws GatelatchError `invalid_credentials`, `account_disabled`, `rate_limited`, …
 * @throws DOMException as of `askForPasskey`
 */
export async function logInWithPasskey(
  client: Client,
  options: { conditional?: boolean; signal?: AbortSignal } = {},
): Promise<User> {
  const passkey = await (options.conditional ? waitForPasskey : askForPasskey)(client, options);
  return client.logIn({ passkey });
}

/**
 * Asks the user for a passkey now: for `secondFactor` and `reauthenticate`.
 * @throws DOMException `NotAllowedError` if the user does not want to, `AbortError` after `signal` or if a later call
 * asks for a passkey
 */
export async function askForPasskey(client: Client, { signal }: { signal?: AbortSignal } = {}): Promise<PasskeyAnswer> {
  const { options } = await ask<Schemas['PasskeyOptions']>(client, '/auth/passkey/options');
  return answerTo(options, { signal: onlyThis(signal) });
}

/** The same without a window. An answer to an old challenge is refused, so there is a new one in good time. */
async function waitForPasskey(client: Client, { signal: given }: { signal?: AbortSignal }): Promise<PasskeyAnswer> {
  const signal = onlyThis(given);
  for (;;) {
    const { options, expires_in: seconds } = await ask<Schemas['PasskeyOptions']>(client, '/auth/passkey/options');
    const renewal = AbortSignal.timeout(seconds * 750);
    try {
      return await answerTo(options, { mediation: 'conditional', signal: AbortSignal.any([signal, renewal]) });
    } catch (error) {
      if (signal.aborted || !renewal.aborted) throw error;
    }
  }
}

/**
 * Makes a passkey of this device or another one, and adds it to the signed-in user.
 * @param fields the `password`, unless the user has just signed in with two factors or has no password
 * @throws GatelatchError `invalid_credentials`, `insufficient_user_authentication`, `passkey_taken`, `too_many`, …
 * @throws DOMException as of `askForPasskey`, and `InvalidStateError` if there is a passkey of the user on it already
 */
export async function addPasskey(
  client: Client,
  { password, name }: { password?: string; name?: string } = {},
): Promise<AddedPasskey> {
  const { options } = await ask<Schemas['PasskeyCreationOptions']>(client, '/me/passkeys/options', { password });
  const publicKey = browser.PublicKeyCredential?.parseCreationOptionsFromJSON(options);
  const made = await browser.navigator.credentials.create({ publicKey, signal: onlyThis() });
  return ask(client, '/me/passkeys', { passkey: made.toJSON(), name });
}

/**
 * Removes a passkey of the signed-in user, and tells the browser which are left, so that it does not offer others.
 * @param passkey as in `GET /me/sign-in-methods`
 * @param fields as of `addPasskey`
 * @throws GatelatchError `invalid_credentials`, `insufficient_user_authentication`, `last_sign_in_method`, …
 */
export async function removePasskey(
  client: Client,
  { id, rp_id: rpId, credential_id: credentialId }: Pick<AddedPasskey, 'id' | 'rp_id' | 'credential_id'>,
  { password }: { password?: string } = {},
): Promise<void> {
  await ask(client, `/me/passkeys/${id}`, { password }, 'DELETE');
  // Hints: the passkey is removed, whatever becomes of them.
  await signalRemoval(client, rpId, credentialId).catch(() => {});
}

async function signalRemoval(client: Client, rpId: string, credentialId: string): Promise<void> {
  const api = browser.PublicKeyCredential;
  await api?.signalUnknownCredential?.({ rpId, credentialId });
  if (!api?.signalAllAcceptedCredentials) return;
  // The list also reaches what earlier hints did not.
  const answer = await client.fetch('/me/sign-in-methods');
  const { passkeys, user_handle: userId } = (await answer.json()) as Schemas['SignInMethods'];
  const allAcceptedCredentialIds = passkeys.filter(({ rp_id }) => rp_id === rpId).map((left) => left.credential_id);
  await api.signalAllAcceptedCredentials({ rpId, userId, allAcceptedCredentialIds });
}

let underWay: AbortController | undefined;

/** Browsers ask for one passkey at a time: the request before ends. */
function onlyThis(signal?: AbortSignal): AbortSignal {
  underWay?.abort();
  underWay = new AbortController();
  return signal ? AbortSignal.any([signal, underWay.signal]) : underWay.signal;
}

async function answerTo(options: object, how: { mediation?: 'conditional'; signal: AbortSignal }) {
  const publicKey = browser.PublicKeyCredential?.parseRequestOptionsFromJSON?.(options);
  return (await browser.navigator.credentials.get({ ...how, publicKey })).toJSON() as PasskeyAnswer;
}
