import type { components } from './api-types.js';

type Schemas = components['schemas'];

/** A user as in the API. */
export type User = Schemas['User'];

/** The tokens of RFC 6749 §5.1 and their user. */
export type TokenResponse = Schemas['TokenResponse'];

/** The answer to a sign-up whose e-mail must be verified first. */
export type VerificationSent = Schemas['PendingSignUp'];

/** A passkey's answer to a challenge, as `PublicKeyCredential.toJSON` gives it. */
export type PasskeyAnswer = Schemas['PasskeyAssertion'];

/** A new passkey, with recovery codes if the user had none. */
export type AddedPasskey = Schemas['AddedPasskey'];

/** An API key as it is listed. */
export type ApiKey = Schemas['ApiKey'];

/** A new API key, with its text. */
export type MadeApiKey = Schemas['MadeApiKey'];

/** A refusal (RFC 9457). */
export type Problem = Schemas['Problem'];

/** Who can vouch for users. */
export type Provider = Schemas['Providers']['data'][number];

/** A user, as a provider knows them. */
export type Identity = Schemas['Identity'];
