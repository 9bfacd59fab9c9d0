import * as admin from './admin/endpoints.js';
import * as audit from './audit/endpoints.js';
import type { Config } from './config.js';
import { contractEndpoint } from './docs/endpoints.js';
import * as playground from './docs/playground.js';
import * as swagger from './docs/swagger-page.js';
import * as email from './email/endpoints.js';
import { mailLimit, newEmailLimit, verifyLimit } from './email/limits.js';
import { DELETE, GET, group, PATCH, POST, type Row } from './endpoint.js';
import {
  accessToken,
  anyAccessToken,
  metricsToken,
  open,
  optionalAccessToken,
  password,
  refreshToken,
} from './guards.js';
import * as health from './health/endpoints.js';
import * as keys from './keys/endpoints.js';
import { logIn } from './log-in/endpoints.js';
import { logInLimit } from './log-in/limits.js';
import * as me from './me/endpoints.js';
import { exportMe } from './me/export.js';
import { exportLimit, usernameLimit } from './me/limits.js';
import { ownRoutes } from './own/routes.js';
import * as passwords from './passwords/endpoints.js';
import { passwordLimit, resetLimit } from './passwords/limits.js';
import type { FileFolder } from './platform/http/endpoint.js';
import * as sessions from './sessions/endpoints.js';
import { refreshLimit } from './sessions/limits.js';
import { signUp } from './sign-up/endpoints.js';
import { signUpLimit } from './sign-up/limits.js';
import { welcome } from './welcome/endpoints.js';

/**
 * THE PAGE: every endpoint, its guard, role and limits; the rest stands beside its handler. `npm run routes` prints it.
 */
export const routes: Row[] = [
  ...group('Signing in', [
    POST('/auth/signup', { guard: open, limit: [signUpLimit, newEmailLimit] }, signUp),
    POST('/auth/login', { guard: password, limit: logInLimit }, logIn),
    POST('/auth/refresh', { guard: refreshToken, limit: refreshLimit }, sessions.refresh),
    POST('/auth/logout', { guard: anyAccessToken }, sessions.logOut),
  ]),

  ...group('Passwords and e-mail', [
    POST('/auth/password/forgot', { guard: open, limit: mailLimit }, passwords.forgot),
    POST('/auth/password/reset', { guard: open, limit: resetLimit }, passwords.reset),
    POST('/auth/email/verify', { guard: open, limit: verifyLimit }, email.verify),
    POST('/auth/email/resend', { guard: optionalAccessToken, limit: mailLimit }, email.resend),
    GET('/verify-email', { guard: open }, email.verifyPage),
    GET('/reset-password', { guard: open }, passwords.resetPage),
  ]),

  ...group('Sessions', [
    GET('/auth/sessions', { guard: accessToken }, sessions.list),
    DELETE('/auth/sessions/{id}', { guard: accessToken }, sessions.end),
    POST('/auth/logout-all', { guard: accessToken }, sessions.endAll),
  ]),

  ...group('Me', [
    GET('/me', { guard: accessToken }, me.show),
    PATCH('/me', { guard: accessToken, limit: [passwordLimit, newEmailLimit, usernameLimit] }, me.update),
    DELETE('/me', { guard: accessToken, limit: passwordLimit }, me.remove),
    POST('/me/password', { guard: accessToken, limit: passwordLimit }, passwords.change),
    GET('/me/export', { guard: accessToken, limit: exportLimit }, exportMe),
  ]),

  ...group('Welcome', [GET('/welcome', { guard: accessToken }, welcome)]),

  ...ownRoutes,

  ...group('Administration', [
    GET('/admin/users', { guard: accessToken, role: 'admin' }, admin.list),
    GET('/admin/users/{id}', { guard: accessToken, role: 'admin' }, admin.read),
    PATCH('/admin/users/{id}', { guard: accessToken, role: 'admin' }, admin.update),
    DELETE('/admin/users/{id}', { guard: accessToken, role: 'admin' }, admin.remove),
    GET('/admin/users/{id}/sessions', { guard: accessToken, role: 'admin' }, admin.sessions),
    POST('/admin/users/{id}/logout', { guard: accessToken, role: 'admin' }, admin.logOut),
    GET('/admin/audit', { guard: accessToken, role: 'admin' }, audit.list),
  ]),

  ...group('Keys and health', [
    GET('/.well-known/jwks.json', { guard: open }, keys.list),
    GET('/healthz', { guard: open, isProbe: true }, health.live),
    GET('/readyz', { guard: open, isProbe: true }, health.ready),
    GET('/metrics', { guard: metricsToken }, health.metrics),
  ]),

  ...group('Documentation', [
    GET(
      '/openapi.json',
      { guard: open },
      contractEndpoint(() => routes),
    ),
    GET('/docs', { guard: open }, swagger.show),
    GET('/', { guard: open }, playground.show),
  ]),
];

/** Files for the pages, by path; they are not rows. */
export const files: Record<string, (config: Config) => FileFolder> = {
  '/docs': swagger.files,
  '/playground': playground.files,
  '/playground/client/dist': playground.clientFiles,
};
