import type { Hooks } from '../hooks/hooks.js';

/** Your own decisions about sign-ups, sign-ins and mails. Without any, nothing is refused. */
export const ownHooks: Hooks = {};
