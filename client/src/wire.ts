import type { components } from './api-types.js';

type Schemas = components['schemas'];

/** A user, as the API tells it. */
export type User = Schemas['User'];

/** The tokens of RFC 6749 §5.1, and whose they are. */
export type TokenResponse = Schemas['TokenResponse'];

/** What a sign-up gets instead of tokens where an e-mail address has to be verified first. */
export type VerificationSent = Schemas['PendingSignUp'];

/** A refusal (RFC 9457). */
export type Problem = Schemas['Problem'];
