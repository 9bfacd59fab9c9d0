import type { EventHandlers } from '../webhooks/handlers.js';

/** Your own code that runs after what happened, such as `'user.created': async (event, deps) => { … }`. */
export const on: EventHandlers = {};
