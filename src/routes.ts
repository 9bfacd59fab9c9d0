import * as admin from './admin/endpoints.js';
import * as userApiKeys from './api-keys/admin-endpoints.js';
import * as apiKeys from './api-keys/own-endpoints.js';
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
  clientOrBearer,
  externalCode,
  issuerPath,
  metricsToken,
  oauthClient,
  open,
  optionalAccessToken,
  passkey,
  password,
  providerAnswer,
  refreshToken,
  secondFactor,
  tokenHolder,
} from './guards.js';
import * as health from './health/endpoints.js';
import { findInvitation } from './invitations/accept.js';
import * as invitations from './invitations/endpoints.js';
import { invitationLimit } from './invitations/limits.js';
import * as keys from './keys/endpoints.js';
import { logIn } from './log-in/endpoints.js';
import { logInLimit } from './log-in/limits.js';
import * as me from './me/endpoints.js';
import { exportMe } from './me/export.js';
import { exportLimit, usernameLimit } from './me/limits.js';
import { introspect } from './oauth/introspect-endpoint.js';
import { introspectLimit, revokeLimit } from './oauth/limits.js';
import * as metadata from './oauth/metadata-endpoint.js';
import { revoke } from './oauth/revoke-endpoint.js';
import { token } from './oauth/token-endpoint.js';
import { ownRoutes } from './own/routes.js';
import { passkeyLimit } from './passkeys/limits.js';
import * as passkeys from './passkeys/own-endpoints.js';
import { passkeyProof } from './passkeys/sign-in.js';
import { logInWithPasskey, signInOptions } from './passkeys/sign-in-endpoints.js';
import * as wellKnown from './passkeys/well-known.js';
import * as passwords from './passwords/endpoints.js';
import { passwordLimit, resetLimit } from './passwords/limits.js';
import * as roles from './permissions/endpoints.js';
import type { FileFolder } from './platform/http/endpoint.js';
import { externalCodeLimit, externalLimit } from './providers/limits.js';
import * as identity from './providers/own-endpoints.js';
import * as providers from './providers/sign-in-endpoints.js';
import { fetchTokens } from './providers/token-endpoint.js';
import * as revocations from './revocation-list/endpoints.js';
import { enrolmentLimit } from './second-factor/enrolment-limit.js';
import * as methods from './second-factor/method-endpoints.js';
import { reauthenticateBy } from './second-factor/reauthenticate.js';
import { recoveryCodesLimit } from './second-factor/recovery-codes-limit.js';
import { giveSecondFactor } from './second-factor/sign-in-endpoints.js';
import * as totp from './second-factor/totp-endpoints.js';
import * as sessions from './sessions/endpoints.js';
import { refreshLimit } from './sessions/limits.js';
import { signUpBy } from './sign-up/endpoints.js';
import { signUpLimit } from './sign-up/limits.js';
import { sentEvents } from './webhooks/contract.js';
import * as deliveries from './webhooks/delivery-endpoints.js';
import * as webhooks from './webhooks/endpoints.js';
import { welcome } from './welcome/endpoints.js';

const proofLimits = [passwordLimit, passkeyLimit];
const recoveryCodeLimits = [passwordLimit, recoveryCodesLimit];
const signUp = signUpBy(findInvitation);
const reauthenticate = reauthenticateBy(passkeyProof);
// Who lacks what the server asks for gets it here.
const stepUp = { guard: accessToken, acr: 'aal1' } as const;

const readsUsers = { guard: accessToken, permission: 'users:read' } as const;
const changesUsers = { guard: accessToken, permission: 'users:write' } as const;
const invites = { ...changesUsers, limit: [mailLimit, invitationLimit] };
const makesServiceUsers = { guard: accessToken, permission: 'service-users:write' } as const;
const managesWebhooks = { guard: accessToken, permission: 'webhooks:write' } as const;
const introspects = { guard: clientOrBearer, permission: 'tokens:introspect', general: 'refusals' } as const;
// What other services go by: a flood of something else must not make them deaf.
const heard = { guard: open, general: 'apart' } as const;
const resetsFactors = { ...changesUsers, sessionOnly: true, limit: passwordLimit } as const;

/**
 * THE PAGE: every endpoint, its guard, permission and limits; the rest stands beside its handler.
 * `npm run routes` prints it.
 */
export const routes: Row[] = [
  ...group('Signing in', [
    POST('/auth/signup', { guard: open, limit: [signUpLimit, newEmailLimit] }, signUp),
    POST('/auth/login', { guard: password, limit: logInLimit }, logIn),
    POST('/auth/login/second-factor', { guard: secondFactor, limit: passkeyLimit }, giveSecondFactor),
    POST('/auth/reauthenticate', { ...stepUp, limit: proofLimits }, reauthenticate),
    POST('/auth/refresh', { guard: refreshToken, limit: refreshLimit }, sessions.refresh),
    POST('/auth/logout', { guard: anyAccessToken }, sessions.logOut),
    GET('/accept-invitation', { guard: open }, invitations.acceptPage),
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
    GET('/auth/sessions', { guard: accessToken, acr: 'aal1' }, sessions.list),
    DELETE('/auth/sessions/{id}', { guard: accessToken }, sessions.end),
    POST('/auth/logout-all', { guard: accessToken }, sessions.endAll),
  ]),

  ...group('Me', [
    GET('/me', { guard: accessToken, acr: 'aal1', permission: 'profile:read' }, me.show),
    PATCH('/me', { guard: accessToken, limit: [passwordLimit, newEmailLimit, usernameLimit] }, me.update),
    DELETE('/me', { guard: accessToken, limit: passwordLimit }, me.remove),
    POST('/me/password', { guard: accessToken, limit: passwordLimit }, passwords.change),
    GET('/me/export', { guard: accessToken, limit: exportLimit }, exportMe),
  ]),

  ...group('Passkeys', [
    POST('/auth/passkey/options', { guard: open }, signInOptions),
    POST('/auth/login/passkey', { guard: passkey, limit: passkeyLimit }, logInWithPasskey),
    POST('/me/passkeys/options', { guard: accessToken, acr: 'aal1', limit: passwordLimit }, passkeys.options),
    POST('/me/passkeys', { guard: accessToken, acr: 'aal1' }, passkeys.add),
    PATCH('/me/passkeys/{id}', { guard: accessToken }, passkeys.rename),
    DELETE('/me/passkeys/{id}', { guard: accessToken, limit: passwordLimit }, passkeys.remove),
    GET('/.well-known/apple-app-site-association', { guard: open }, wellKnown.ios),
    GET('/.well-known/assetlinks.json', { guard: open }, wellKnown.android),
    GET('/.well-known/webauthn', { guard: open }, wellKnown.relatedOrigins),
  ]),

  ...group('Providers', [
    GET('/auth/providers', { guard: open }, providers.list),
    POST('/auth/external', { guard: open, limit: externalLimit }, providers.begin),
    GET('/auth/callback/{provider}', { guard: providerAnswer }, providers.callback),
    POST('/auth/callback/{provider}', { guard: providerAnswer }, providers.callbackByForm),
    POST('/auth/external/token', { guard: externalCode, limit: externalCodeLimit }, fetchTokens),
    POST('/me/identities', { guard: accessToken, limit: [passwordLimit, externalCodeLimit] }, identity.link),
    DELETE('/me/identities/{id}', { guard: accessToken, limit: passwordLimit }, identity.unlink),
  ]),

  ...group('Sign-in methods', [
    GET('/me/sign-in-methods', { guard: accessToken, acr: 'aal1' }, methods.show),
    PATCH('/me/sign-in-methods', { guard: accessToken, limit: passwordLimit }, methods.change),
    POST('/me/totp', { guard: accessToken, acr: 'aal1', limit: passwordLimit }, totp.enrol),
    POST('/me/totp/{id}/confirm', { guard: accessToken, acr: 'aal1', limit: enrolmentLimit }, totp.confirm),
    PATCH('/me/totp/{id}', { guard: accessToken }, totp.rename),
    DELETE('/me/totp/{id}', { guard: accessToken, limit: passwordLimit }, totp.remove),
    POST('/me/recovery-codes', { guard: accessToken, limit: recoveryCodeLimits }, methods.makeRecoveryCodes),
    DELETE('/me/trusted-devices', { guard: accessToken }, methods.forgetDevices),
    DELETE('/me/password', { guard: accessToken, limit: passwordLimit }, methods.removeOwnPassword),
  ]),

  ...group('API keys', [
    GET('/me/api-keys', { guard: accessToken }, apiKeys.list),
    POST('/me/api-keys', { guard: accessToken, limit: passwordLimit }, apiKeys.make),
    DELETE('/me/api-keys/{id}', { guard: accessToken }, apiKeys.end),
  ]),

  ...group('Welcome', [GET('/welcome', { guard: accessToken, anyToken: true }, welcome)]),

  ...ownRoutes,

  ...group('Administration', [
    GET('/admin/users', readsUsers, admin.list),
    POST('/admin/users', makesServiceUsers, admin.create),
    GET('/admin/users/{id}', readsUsers, admin.read),
    PATCH('/admin/users/{id}', changesUsers, admin.update),
    DELETE('/admin/users/{id}', changesUsers, admin.remove),
    GET('/admin/users/{id}/sessions', readsUsers, admin.sessions),
    GET('/admin/users/{id}/sign-in-methods', readsUsers, admin.signInMethods),
    DELETE('/admin/users/{id}/second-factors', resetsFactors, admin.removeSecondFactors),
    POST('/admin/users/{id}/logout', changesUsers, admin.logOut),
    GET('/admin/users/{id}/api-keys', readsUsers, userApiKeys.list),
    POST('/admin/users/{id}/api-keys', makesServiceUsers, userApiKeys.make),
    DELETE('/admin/users/{id}/api-keys/{key_id}', changesUsers, userApiKeys.end),
    GET('/admin/roles', readsUsers, roles.list),
    GET('/admin/invitations', readsUsers, invitations.list),
    POST('/admin/invitations', invites, invitations.create),
    DELETE('/admin/invitations/{id}', changesUsers, invitations.end),
    GET('/admin/audit', { guard: accessToken, permission: 'audit:read' }, audit.list),
  ]),

  ...group('Webhooks', [
    GET('/admin/webhooks', managesWebhooks, webhooks.list),
    POST('/admin/webhooks', managesWebhooks, webhooks.create),
    GET('/admin/webhooks/{id}', managesWebhooks, webhooks.read),
    PATCH('/admin/webhooks/{id}', managesWebhooks, webhooks.change),
    DELETE('/admin/webhooks/{id}', managesWebhooks, webhooks.remove),
    POST('/admin/webhooks/{id}/rotate-secret', managesWebhooks, webhooks.rotate),
    POST('/admin/webhooks/{id}/ping', managesWebhooks, webhooks.ping),
    GET('/admin/webhooks/{id}/deliveries', managesWebhooks, deliveries.list),
    POST('/admin/webhooks/{id}/deliveries/{event_id}/retry', managesWebhooks, deliveries.retry),
    POST('/admin/webhooks/{id}/replay', managesWebhooks, deliveries.replay),
  ]),

  ...group('OAuth', [
    POST('/oauth/token', { guard: oauthClient }, token),
    POST('/oauth/introspect', { ...introspects, limit: introspectLimit }, introspect),
    POST('/oauth/revoke', { guard: tokenHolder, limit: revokeLimit }, revoke),
    GET('/.well-known/oauth-authorization-server', heard, metadata.show),
    GET('/.well-known/oauth-authorization-server/{rest}', { guard: issuerPath }, metadata.showForPath),
  ]),

  ...group('Keys and health', [
    GET('/.well-known/jwks.json', heard, keys.list),
    GET('/healthz', { guard: open, general: 'never' }, health.live),
    GET('/readyz', { guard: open, general: 'never' }, health.ready),
    GET('/metrics', { guard: metricsToken }, health.metrics),
  ]),

  ...group('Other services', [
    GET('/.well-known/revocations', heard, revocations.list),
    GET('/.well-known/revocations/stream', heard, revocations.stream),
  ]),

  ...group('Documentation', [
    GET(
      '/openapi.json',
      { guard: open },
      contractEndpoint(() => routes, sentEvents),
    ),
    GET('/docs', { guard: open }, swagger.show),
    GET('/', { guard: open }, playground.show),
    GET('/callback', { guard: open }, playground.callback),
  ]),
];

/** Whether a row is of own/routes.ts. */
export const isOwnRow = (row: Row): boolean => ownRoutes.includes(row);

/** Files for the pages, by path; they are not rows. */
export const files: Record<string, (config: Config) => FileFolder> = {
  '/docs': swagger.files,
  '/playground': playground.files,
  '/playground/client/dist': playground.clientFiles,
};
