export { type Client, type ClientOptions, createClient, type SecondFactor } from './client.js';
export { GatelatchError } from './errors.js';
export type { Events, Listener, StepUp } from './events.js';
export type { Session, SignedOutReason } from './session.js';
export type { SignedIn } from './sign-in.js';
export { asyncStorage, type ItemStore, memoryStorage, type Storage, webStorage } from './storage.js';
export type { PasskeyAnswer, Problem, User, VerificationSent } from './wire.js';
