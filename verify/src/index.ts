export type { AccessClaims } from './access-claims.js';
export { type Answer, sendRefusal } from './answer.js';
export type { Demands } from './demands.js';
export { requireAuth } from './express.js';
export type { VerifierOptions } from './options.js';
export { GatelatchStrategy } from './passport.js';
export { type Problem, type RefusalCode, TokenError } from './refusals.js';
export type { AskingRequest } from './request.js';
export { createVerifier, type Verifier } from './verifier.js';
