import * as adminAudit from './features/admin-audit.js';
import * as adminUsers from './features/admin-users.js';
import * as email from './features/email.js';
import * as health from './features/health.js';
import * as jwks from './features/jwks.js';
import * as login from './features/login.js';
import * as logout from './features/logout.js';
import * as mailPages from './features/mail-pages.js';
import * as me from './features/me.js';
import * as metrics from './features/metrics.js';
import * as password from './features/password.js';
import * as passwordReset from './features/password-reset.js';
import * as refresh from './features/refresh.js';
import * as sessions from './features/sessions.js';
import * as signup from './features/signup.js';
import * as todos from './features/todos.js';
import * as userExport from './features/user-export.js';
import * as welcome from './features/welcome.js';
import { type AnyRoute, route } from './route.js';
import {
  adminUserSchema,
  auditEventSchema,
  pageQuerySchema,
  pageSchema,
  sessionListSchema,
  todoSchema,
  tokenResponseSchema,
  userSchema,
} from './wire.js';

/**
 * THE PAGE: every endpoint, who may pass, what it takes and what it can answer. A route of your own is one more row.
 */
// biome-ignore format: a table is read by its columns.
export const routes: AnyRoute[] = [
  route({ method: 'GET',    path: '/welcome',     guard: 'access-token', reply: [200, welcome.replySchema], errors: [], handler: welcome.handler }),
  route({ method: 'GET',    path: '/me',          guard: 'access-token', reply: [200, userSchema],    errors: [], handler: me.show }),
  route({ method: 'PATCH',  path: '/me',          guard: 'access-token', limit: ['password', 'new-email'], body: me.updateSchema,       reply: [200, userSchema], errors: ['username_taken', 'invalid_credentials', 'csrf_rejected', 'overloaded'], handler: me.update }),
  route({ method: 'GET',    path: '/me/export',   guard: 'access-token', reply: [200, userExport.replySchema], errors: [], handler: userExport.handler }),
  route({ method: 'DELETE', path: '/me',          guard: 'access-token', limit: 'password', body: me.deleteSchema,       reply: [204], errors: ['invalid_credentials', 'last_admin', 'csrf_rejected', 'overloaded'], handler: me.remove }),
  route({ method: 'POST',   path: '/me/password', guard: 'access-token', limit: 'password', body: password.changeSchema, reply: [204], errors: ['invalid_credentials', 'csrf_rejected', 'overloaded'], handler: password.change }),

  route({ method: 'POST',   path: '/auth/signup',  guard: 'public',   limit: 'signup',  body: signup.bodySchema,  reply: [201, signup.replySchema],  errors: ['username_taken', 'email_taken', 'signup_closed', 'csrf_rejected', 'overloaded'], handler: signup.handler }),
  route({ method: 'POST',   path: '/auth/login',   guard: 'password', limit: 'login',   body: login.bodySchema,   reply: [200, tokenResponseSchema], errors: ['invalid_credentials', 'account_disabled', 'email_unverified', 'csrf_rejected', 'overloaded'],        handler: login.handler }),
  route({ method: 'POST',   path: '/auth/refresh', guard: 'public',   limit: 'refresh', body: refresh.bodySchema, reply: [200, tokenResponseSchema], errors: ['invalid_refresh_token', 'refresh_token_reused', 'session_revoked', 'csrf_rejected'],  handler: refresh.handler }),
  route({ method: 'POST',   path: '/auth/logout',  guard: 'any-access-token', body: logout.bodySchema, reply: [204],               errors: ['unauthenticated', 'invalid_token', 'invalid_refresh_token', 'csrf_rejected'],         handler: logout.handler }),

  route({ method: 'POST',   path: '/auth/password/forgot', guard: 'public', limit: 'mail', body: passwordReset.forgotSchema, reply: [202], errors: ['csrf_rejected'], handler: passwordReset.forgot }),
  route({ method: 'POST',   path: '/auth/password/reset',  guard: 'public', limit: 'reset', body: passwordReset.resetSchema,  reply: [204], errors: ['invalid_one_time_token', 'csrf_rejected', 'overloaded'], handler: passwordReset.reset }),
  route({ method: 'POST',   path: '/auth/email/verify',    guard: 'public', body: email.verifySchema,         reply: [204], errors: ['invalid_one_time_token', 'csrf_rejected'], handler: email.verify }),
  route({ method: 'POST',   path: '/auth/email/resend',    guard: 'optional-access-token', limit: 'mail', body: email.resendSchema, reply: [202], errors: ['unauthenticated', 'csrf_rejected'], handler: email.resend }),
  route({ method: 'GET',    path: '/verify-email',         guard: 'public', reply: [200], errors: [], handler: mailPages.verifyEmail }),
  route({ method: 'GET',    path: '/reset-password',       guard: 'public', reply: [200], errors: [], handler: mailPages.resetPassword }),

  route({ method: 'POST',   path: '/auth/logout-all',    guard: 'access-token', reply: [204],                       errors: ['csrf_rejected'],              handler: sessions.endAll }),
  route({ method: 'GET',    path: '/auth/sessions',      guard: 'access-token', reply: [200, sessions.replySchema], errors: [],                             handler: sessions.list }),
  route({ method: 'DELETE', path: '/auth/sessions/{id}', guard: 'access-token', reply: [204],                       errors: ['not_found', 'csrf_rejected'], handler: sessions.end }),

  route({ method: 'GET',    path: '/todos',       guard: 'access-token', query: pageQuerySchema,  reply: [200, pageSchema(todoSchema)], errors: [],            handler: todos.list }),
  route({ method: 'POST',   path: '/todos',       guard: 'access-token', body: todos.createSchema, reply: [201, todoSchema],             errors: ['csrf_rejected'], handler: todos.create }),
  route({ method: 'GET',    path: '/todos/{id}',  guard: 'access-token',                         reply: [200, todoSchema],             errors: ['not_found'],  handler: todos.read }),
  route({ method: 'PATCH',  path: '/todos/{id}',  guard: 'access-token', body: todos.updateSchema, reply: [200, todoSchema],             errors: ['not_found', 'csrf_rejected'], handler: todos.update }),
  route({ method: 'DELETE', path: '/todos/{id}',  guard: 'access-token',                         reply: [204],                         errors: ['not_found', 'csrf_rejected'], handler: todos.remove }),

  route({ method: 'GET',    path: '/admin/users',               guard: 'access-token', role: 'admin', query: adminUsers.listQuerySchema, reply: [200, pageSchema(adminUserSchema)],        errors: [],                            handler: adminUsers.list }),
  route({ method: 'GET',    path: '/admin/users/{id}',          guard: 'access-token', role: 'admin',                                    reply: [200, adminUserSchema],                    errors: ['not_found'],                 handler: adminUsers.read }),
  route({ method: 'PATCH',  path: '/admin/users/{id}',          guard: 'access-token', role: 'admin', body: adminUsers.updateSchema,     reply: [200, adminUserSchema],                    errors: ['not_found', 'last_admin', 'csrf_rejected', 'overloaded'], handler: adminUsers.update }),
  route({ method: 'DELETE', path: '/admin/users/{id}',          guard: 'access-token', role: 'admin',                                    reply: [204],                                     errors: ['not_found', 'last_admin', 'csrf_rejected', 'overloaded'], handler: adminUsers.remove }),
  route({ method: 'GET',    path: '/admin/users/{id}/sessions', guard: 'access-token', role: 'admin',                                    reply: [200, sessionListSchema],                  errors: ['not_found'],                 handler: adminUsers.sessions }),
  route({ method: 'POST',   path: '/admin/users/{id}/logout',   guard: 'access-token', role: 'admin',                                    reply: [204],                                     errors: ['not_found', 'csrf_rejected'], handler: adminUsers.logout }),
  route({ method: 'GET',    path: '/admin/audit',               guard: 'access-token', role: 'admin', query: adminAudit.querySchema,     reply: [200, pageSchema(auditEventSchema)], errors: [],                            handler: adminAudit.list }),

  route({ method: 'GET',    path: '/.well-known/jwks.json', guard: 'public', reply: [200, jwks.replySchema],   errors: [], handler: jwks.handler }),
  route({ method: 'GET',    path: '/healthz',               guard: 'public', reply: [200, health.replySchema], errors: [], handler: health.live }),
  route({ method: 'GET',    path: '/readyz',                guard: 'public', reply: [200, health.replySchema], errors: ['database_unavailable', 'shutting_down'], handler: health.ready }),
  route({ method: 'GET',    path: '/metrics',               guard: 'metrics-token', reply: [200], errors: ['unauthenticated', 'invalid_token'], handler: metrics.handler }),
];
