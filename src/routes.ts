import * as adminUsers from './admin/endpoints.js';
import * as adminAudit from './audit/endpoints.js';
import type { Config } from './config.js';
import * as contract from './docs/endpoints.js';
import * as playground from './docs/playground.js';
import * as docs from './docs/swagger-page.js';
import * as email from './email/endpoints.js';
import { type AnyRoute, type FileFolder, group, route } from './endpoint.js';
import * as health from './health/endpoints.js';
import * as metrics from './health/metrics.js';
import * as jwks from './keys/endpoints.js';
import * as login from './log-in/endpoints.js';
import * as me from './me/endpoints.js';
import * as userExport from './me/export.js';
import * as todos from './own/todos/endpoints.js';
import * as password from './passwords/endpoints.js';
import * as passwordReset from './passwords/reset-endpoints.js';
import { pageQuerySchema } from './platform/http/fields.js';
import * as mailPages from './platform/http/page.js';
import * as sessions from './sessions/endpoints.js';
import {
  adminUserSchema,
  auditEventSchema,
  pageSchema,
  sessionListSchema,
  todoSchema,
  tokenResponseSchema,
  userSchema,
} from './sessions/json.js';
import * as logout from './sessions/logout.js';
import * as refresh from './sessions/refresh.js';
import * as signup from './sign-up/endpoints.js';
import * as welcome from './welcome/endpoints.js';

/**
 * THE PAGE: every endpoint, who may pass, what it takes and what it can answer. A route of your own is one more row.
 */
// biome-ignore format: a table is read by its columns.
export const routes: AnyRoute[] = [
  ...group('Signing in', [
    route({ method: 'POST', path: '/auth/signup',  name: 'signUp',        guard: 'public',           limit: 'signup', body: signup.bodySchema,   reply: [201, signup.replySchema], headers: ['Set-Cookie'],  errors: ['username_taken', 'email_taken', 'signup_closed', 'overloaded'],                        handler: signup.handler,  summary: 'Sign up, and be signed in' }),
    route({ method: 'POST', path: '/auth/login',   name: 'logIn',         guard: 'password',         limit: 'login', body: login.bodySchema,     reply: [200, tokenResponseSchema], headers: ['Set-Cookie'], errors: ['account_disabled', 'email_unverified', 'overloaded'],                                  handler: login.handler,   summary: 'Log in with a password' }),
    route({ method: 'POST', path: '/auth/refresh', name: 'refreshTokens', guard: 'public',           limit: 'refresh', body: refresh.bodySchema, reply: [200, tokenResponseSchema], headers: ['Set-Cookie'], errors: ['unauthenticated', 'invalid_refresh_token', 'refresh_token_reused', 'session_revoked'], handler: refresh.handler, summary: 'Change a refresh token for new tokens' }),
    route({ method: 'POST', path: '/auth/logout',  name: 'logOut',        guard: 'any-access-token', body: logout.bodySchema,                    reply: [204], headers: ['Set-Cookie'],                      errors: ['invalid_refresh_token'],                                                               handler: logout.handler,  summary: 'End the session of a token' }),
  ]),

  ...group('Passwords and e-mail', [
    route({ method: 'POST', path: '/auth/password/forgot', name: 'forgotPassword',        guard: 'public',                limit: 'mail', body: passwordReset.forgotSchema, reply: [202],              errors: [],                                       handler: passwordReset.forgot,    summary: 'Ask for a mail to reset the password' }),
    route({ method: 'POST', path: '/auth/password/reset',  name: 'resetPassword',         guard: 'public',                limit: 'reset', body: passwordReset.resetSchema, reply: [204],              errors: ['invalid_one_time_token', 'overloaded'], handler: passwordReset.reset,     summary: 'Set a new password by a mailed token' }),
    route({ method: 'POST', path: '/auth/email/verify',    name: 'verifyEmail',           guard: 'public',                body: email.verifySchema,                        reply: [204],              errors: ['invalid_one_time_token'],               handler: email.verify,            summary: 'Verify the address that a token was mailed to' }),
    route({ method: 'POST', path: '/auth/email/resend',    name: 'resendVerification',    guard: 'optional-access-token', limit: 'mail', body: email.resendSchema,         reply: [202],              errors: [],                                       handler: email.resend,            summary: 'Have the mail to verify an address sent again' }),
    route({ method: 'GET',  path: '/verify-email',         name: 'showVerifyEmailPage',   guard: 'public',                                                                 reply: [200, 'text/html'], errors: [],                                       handler: mailPages.verifyEmail,   summary: 'The page of the link in a verification mail' }),
    route({ method: 'GET',  path: '/reset-password',       name: 'showResetPasswordPage', guard: 'public',                                                                 reply: [200, 'text/html'], errors: [],                                       handler: mailPages.resetPassword, summary: 'The page of the link in a reset mail' }),
  ]),

  ...group('Sessions', [
    route({ method: 'GET',    path: '/auth/sessions',      name: 'listSessions',     guard: 'access-token', reply: [200, sessions.replySchema],    errors: [],            handler: sessions.list,   summary: 'See where you are signed in' }),
    route({ method: 'DELETE', path: '/auth/sessions/{id}', name: 'endSession',       guard: 'access-token', reply: [204], headers: ['Set-Cookie'], errors: ['not_found'], handler: sessions.end,    summary: 'End one of your sessions' }),
    route({ method: 'POST',   path: '/auth/logout-all',    name: 'logOutEverywhere', guard: 'access-token', reply: [204], headers: ['Set-Cookie'], errors: [],            handler: sessions.endAll, summary: 'End all of your sessions' }),
  ]),

  ...group('Me', [
    route({ method: 'GET',    path: '/me',          name: 'getMe',          guard: 'access-token',                                                          reply: [200, userSchema],                                               errors: [],                                                      handler: me.show,            summary: 'See who you are' }),
    route({ method: 'PATCH',  path: '/me',          name: 'updateMe',       guard: 'access-token', limit: ['password', 'new-email'], body: me.updateSchema, reply: [200, userSchema],                                               errors: ['username_taken', 'invalid_credentials', 'overloaded'], handler: me.update,          summary: 'Change your username or e-mail' }),
    route({ method: 'DELETE', path: '/me',          name: 'deleteMe',       guard: 'access-token', limit: 'password', body: me.deleteSchema,                reply: [204], headers: ['Set-Cookie'],                                  errors: ['invalid_credentials', 'last_admin', 'overloaded'],     handler: me.remove,          summary: 'Delete yourself and all that is yours' }),
    route({ method: 'POST',   path: '/me/password', name: 'changePassword', guard: 'access-token', limit: 'password', body: password.changeSchema,          reply: [204],                                                           errors: ['invalid_credentials', 'overloaded'],                   handler: password.change,    summary: 'Change your password' }),
    route({ method: 'GET',    path: '/me/export',   name: 'exportMe',       guard: 'access-token',                                                          reply: [200, userExport.replySchema], headers: ['Content-Disposition'], errors: [],                                                      handler: userExport.handler, summary: 'Get all that is held about you' }),
  ]),

  ...group('Welcome', [
    route({ method: 'GET', path: '/welcome', name: 'welcome', guard: 'access-token', reply: [200, welcome.replySchema], errors: [], handler: welcome.handler, summary: 'Open the smallest protected door' }),
  ]),

  ...group('Todos', [
    route({ method: 'GET',    path: '/todos',      name: 'listTodos',  guard: 'access-token', query: pageQuerySchema,   reply: [200, pageSchema(todoSchema)],            errors: [],            handler: todos.list,   summary: 'List your todos' }),
    route({ method: 'POST',   path: '/todos',      name: 'createTodo', guard: 'access-token', body: todos.createSchema, reply: [201, todoSchema], headers: ['Location'], errors: [],            handler: todos.create, summary: 'Write down a todo' }),
    route({ method: 'GET',    path: '/todos/{id}', name: 'getTodo',    guard: 'access-token',                           reply: [200, todoSchema],                        errors: ['not_found'], handler: todos.read,   summary: 'Read a todo' }),
    route({ method: 'PATCH',  path: '/todos/{id}', name: 'updateTodo', guard: 'access-token', body: todos.updateSchema, reply: [200, todoSchema],                        errors: ['not_found'], handler: todos.update, summary: 'Change a todo' }),
    route({ method: 'DELETE', path: '/todos/{id}', name: 'deleteTodo', guard: 'access-token',                           reply: [204],                                    errors: ['not_found'], handler: todos.remove, summary: 'Delete a todo' }),
  ]),

  ...group('Administration', [
    route({ method: 'GET',    path: '/admin/users',               name: 'listUsers',        guard: 'access-token', role: 'admin', query: adminUsers.listQuerySchema, reply: [200, pageSchema(adminUserSchema)],  errors: [],                                        handler: adminUsers.list,     summary: 'List users, or find some' }),
    route({ method: 'GET',    path: '/admin/users/{id}',          name: 'getUser',          guard: 'access-token', role: 'admin',                                    reply: [200, adminUserSchema],              errors: ['not_found'],                             handler: adminUsers.read,     summary: 'See a user' }),
    route({ method: 'PATCH',  path: '/admin/users/{id}',          name: 'updateUser',       guard: 'access-token', role: 'admin', body: adminUsers.updateSchema,     reply: [200, adminUserSchema],              errors: ['not_found', 'last_admin', 'overloaded'], handler: adminUsers.update,   summary: 'Change a user’s roles, disable or enable them' }),
    route({ method: 'DELETE', path: '/admin/users/{id}',          name: 'deleteUser',       guard: 'access-token', role: 'admin',                                    reply: [204], headers: ['Set-Cookie'],      errors: ['not_found', 'last_admin', 'overloaded'], handler: adminUsers.remove,   summary: 'Delete a user and all that is theirs' }),
    route({ method: 'GET',    path: '/admin/users/{id}/sessions', name: 'listUserSessions', guard: 'access-token', role: 'admin',                                    reply: [200, sessionListSchema],            errors: ['not_found'],                             handler: adminUsers.sessions, summary: 'See where a user is signed in' }),
    route({ method: 'POST',   path: '/admin/users/{id}/logout',   name: 'logOutUser',       guard: 'access-token', role: 'admin',                                    reply: [204], headers: ['Set-Cookie'],      errors: ['not_found'],                             handler: adminUsers.logout,   summary: 'End all sessions of a user' }),
    route({ method: 'GET',    path: '/admin/audit',               name: 'listAuditEvents',  guard: 'access-token', role: 'admin', query: adminAudit.querySchema,     reply: [200, pageSchema(auditEventSchema)], errors: [],                                        handler: adminAudit.list,     summary: 'See what happened' }),
  ]),

  ...group('Keys and health', [
    route({ method: 'GET', path: '/.well-known/jwks.json', name: 'listPublicKeys', guard: 'public', reply: [200, jwks.replySchema],   errors: [],                                        handler: jwks.handler, summary: 'Get the keys that access tokens are checked with' }),
    route({ method: 'GET', path: '/healthz',               name: 'checkHealth',    guard: 'public', reply: [200, health.replySchema], errors: [],                                        handler: health.live,  summary: 'Ask whether the process lives' }),
    route({ method: 'GET', path: '/readyz',                name: 'checkReadiness', guard: 'public', reply: [200, health.replySchema], errors: ['database_unavailable', 'shutting_down'], handler: health.ready, summary: 'Ask whether requests may be sent here' }),
    route({ method: 'GET', path: '/metrics',               name: 'getMetrics',     guard: 'metrics-token', reply: [200, 'text/plain'], errors: [],                                      handler: metrics.handler, summary: 'Get numbers for Prometheus' }),
  ]),

  ...group('Documentation', [
    route({ method: 'GET', path: '/openapi.json', name: 'getContract',    guard: 'public', reply: [200, contract.replySchema], errors: [],            handler: contract.handlerFor(() => routes), summary: 'Get this document' }),
    route({ method: 'GET', path: '/docs',         name: 'showDocs',       guard: 'public', reply: [200, 'text/html'],          errors: [],            handler: docs.handler,                      summary: 'The page of this document, to read and to try' }),
    route({ method: 'GET', path: '/',             name: 'showPlayground', guard: 'public', reply: [200, 'text/html'],          errors: ['not_found'], handler: playground.handler,                summary: 'The playground: a page on which to try all of it' }),
  ]),
];

/** Besides the table: the files that its pages load, by the path under which they are. */
export const files: Record<string, (config: Config) => FileFolder> = {
  '/docs': docs.files,
  '/playground': playground.files,
  '/playground/client/dist': playground.clientFiles,
};
