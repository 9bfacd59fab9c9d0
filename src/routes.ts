import * as health from './features/health.js';
import * as jwks from './features/jwks.js';
import * as login from './features/login.js';
import * as logout from './features/logout.js';
import * as me from './features/me.js';
import * as password from './features/password.js';
import * as refresh from './features/refresh.js';
import * as sessions from './features/sessions.js';
import * as signup from './features/signup.js';
import * as todos from './features/todos.js';
import * as welcome from './features/welcome.js';
import { type AnyRoute, route } from './route.js';
import { pageQuerySchema, pageSchema, todoSchema, tokenResponseSchema, userSchema } from './wire.js';

/**
 * THE PAGE: every endpoint, who may pass, what it takes and what it can answer. A route of your own is one more row.
 */
// biome-ignore format: a table is read by its columns.
export const routes: AnyRoute[] = [
  route({ method: 'GET',    path: '/welcome',     guard: 'access-token', reply: [200, welcome.replySchema], errors: [], handler: welcome.handler }),
  route({ method: 'GET',    path: '/me',          guard: 'access-token', reply: [200, userSchema],    errors: [], handler: me.show }),
  route({ method: 'DELETE', path: '/me',          guard: 'access-token', body: me.deleteSchema,       reply: [204], errors: ['invalid_credentials', 'csrf_rejected', 'overloaded'], handler: me.remove }),
  route({ method: 'POST',   path: '/me/password', guard: 'access-token', body: password.changeSchema, reply: [204], errors: ['invalid_credentials', 'csrf_rejected', 'overloaded'], handler: password.change }),

  route({ method: 'POST',   path: '/auth/signup',  guard: 'public',   body: signup.bodySchema,  reply: [201, tokenResponseSchema], errors: ['username_taken', 'email_taken', 'signup_closed', 'csrf_rejected', 'overloaded'], handler: signup.handler }),
  route({ method: 'POST',   path: '/auth/login',   guard: 'password', body: login.bodySchema,   reply: [200, tokenResponseSchema], errors: ['invalid_credentials', 'account_disabled', 'csrf_rejected', 'overloaded'],        handler: login.handler }),
  route({ method: 'POST',   path: '/auth/refresh', guard: 'public',   body: refresh.bodySchema, reply: [200, tokenResponseSchema], errors: ['invalid_refresh_token', 'refresh_token_reused', 'session_revoked', 'csrf_rejected'],  handler: refresh.handler }),
  route({ method: 'POST',   path: '/auth/logout',  guard: 'any-access-token', body: logout.bodySchema, reply: [204],               errors: ['unauthenticated', 'invalid_token', 'invalid_refresh_token', 'csrf_rejected'],         handler: logout.handler }),

  route({ method: 'POST',   path: '/auth/logout-all',    guard: 'access-token', reply: [204],                       errors: ['csrf_rejected'],              handler: sessions.endAll }),
  route({ method: 'GET',    path: '/auth/sessions',      guard: 'access-token', reply: [200, sessions.replySchema], errors: [],                             handler: sessions.list }),
  route({ method: 'DELETE', path: '/auth/sessions/{id}', guard: 'access-token', reply: [204],                       errors: ['not_found', 'csrf_rejected'], handler: sessions.end }),

  route({ method: 'GET',    path: '/todos',       guard: 'access-token', query: pageQuerySchema,  reply: [200, pageSchema(todoSchema)], errors: [],            handler: todos.list }),
  route({ method: 'POST',   path: '/todos',       guard: 'access-token', body: todos.createSchema, reply: [201, todoSchema],             errors: ['csrf_rejected'], handler: todos.create }),
  route({ method: 'GET',    path: '/todos/{id}',  guard: 'access-token',                         reply: [200, todoSchema],             errors: ['not_found'],  handler: todos.read }),
  route({ method: 'PATCH',  path: '/todos/{id}',  guard: 'access-token', body: todos.updateSchema, reply: [200, todoSchema],             errors: ['not_found', 'csrf_rejected'], handler: todos.update }),
  route({ method: 'DELETE', path: '/todos/{id}',  guard: 'access-token',                         reply: [204],                         errors: ['not_found', 'csrf_rejected'], handler: todos.remove }),

  route({ method: 'GET',    path: '/.well-known/jwks.json', guard: 'public', reply: [200, jwks.replySchema],   errors: [], handler: jwks.handler }),
  route({ method: 'GET',    path: '/healthz',               guard: 'public', reply: [200, health.replySchema], errors: [], handler: health.live }),
  route({ method: 'GET',    path: '/readyz',                guard: 'public', reply: [200, health.replySchema], errors: ['database_unavailable', 'shutting_down'], handler: health.ready }),
];
