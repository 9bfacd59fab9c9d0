import { z } from 'zod';
import { endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { requireProof } from '../passwords/proof.js';
import { textSchema, time } from '../platform/http/fields.js';
import { deviceCookie, tokensIn } from '../sessions/cookies.js';
import { deviceTokenFor } from '../sessions/known-devices.js';
import { confirmTotp, defaultTotpName, enrolTotp, renameTotp } from './enrol.js';
import { recoveryCodesSchema, totpExample, totpJson, totpSchema } from './json.js';
import { proofFields, proofSchema } from './proof-body.js';
import { qrSvg } from './qr.js';
import { removeMethod } from './remove.js';
import { totpSecretText, totpUri } from './totp.js';

const name = textSchema(1, 64).meta({ example: 'Ada’s phone' });

const enrolSchema = z
  .strictObject({ name: name.optional(), ...proofFields })
  .meta({ id: 'EnrolTotpBody', example: { name: 'Ada’s phone', password: 'nine geese over a quiet lake' } })
  .default({});

const enrolmentSchema = z
  .object({
    id: z.uuid(),
    secret: z.string().meta({ description: 'In base32, for typing it in. It is told this once.' }),
    uri: z.string().meta({ description: 'An `otpauth:` URI, which the QR code holds.' }),
    qr_svg: z.string().meta({ description: 'The QR code, as an SVG image.' }),
    expires_at: time.meta({ description: 'Until then it waits for its first code.' }),
  })
  .meta({
    id: 'TotpEnrolment',
    example: {
      id: totpExample.id,
      secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
      uri: 'otpauth://totp/login.example.com:ada?issuer=login.example.com&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30',
      qr_svg: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 49 49">…</svg>',
      expires_at: '2026-11-22T14:33:48.360Z',
    },
  });

/** It proves nothing until its first code. */
export const enrol = endpoint({
  name: 'enrolTotp',
  summary: 'Begin an authenticator app',
  statements: 7,
  body: enrolSchema,
  reply: [201, enrolmentSchema],
  returns: 'The secret, for the app. It waits 15 minutes for its first code; a newer one takes its place.',
  errors: ['insufficient_user_authentication', 'invalid_credentials', 'email_unverified', 'too_many', 'overloaded'],
  async handler(context) {
    const { deps, body } = context;
    const proven = await requireProof(context, body.password);
    const { id, secret, expiresAt } = await enrolTotp(context, proven, body.name ?? defaultTotpName);
    const uri = totpUri(secret, deps.config.totpIssuer, proven.user.username);
    const told = { secret: totpSecretText(secret), uri, qr_svg: qrSvg(uri) };
    return { body: { id, ...told, expires_at: expiresAt.toISOString() } };
  },
});

const confirmSchema = z
  .strictObject({ code: z.string().max(100).meta({ description: 'Six digits; spaces do not matter.' }) })
  .meta({ id: 'ConfirmTotpBody', example: { code: '287 082' } });

const confirmedSchema = totpSchema
  .extend({
    recovery_codes: recoveryCodesSchema.optional(),
    device_token: z.string().optional().meta({
      description:
        'Only where the second factor is on from now on: no token of before is known. Send it with the next login. Not where the access token came by cookie: then it is in the cookie `device`.',
    }),
  })
  .meta({ id: 'ConfirmedTotp', example: totpExample });

export const confirm = endpoint({
  name: 'confirmTotp',
  summary: 'Confirm an authenticator app by its first code',
  statements: 14,
  body: confirmSchema,
  reply: [200, confirmedSchema],
  returns:
    'The app. The first one turns the second factor on, comes with recovery codes, and ends every other session; a refresh brings a token that says so.',
  headers: ['Set-Cookie'],
  errors: ['invalid_code', 'email_unverified', 'not_found'],
  async handler(context) {
    const { deps, principal, cookies } = context;
    const { totp, recoveryCodes, epoch } = await confirmTotp(context, context.id, context.body.code);
    const body = { ...totpJson(totp), ...(recoveryCodes && { recovery_codes: recoveryCodes }) };
    if (epoch === undefined) return { body };
    // Both factors were given here, so this device stays known.
    const device = deviceTokenFor(deps.keys, { id: principal.sub, epoch });
    if (tokensIn(cookies, deps.config.cookies).accessToken === undefined)
      return { body: { ...body, device_token: device } };
    return { body, cookies: [deviceCookie(deps.config.cookies, device)] };
  },
});

const renameSchema = z.strictObject({ name }).meta({ id: 'RenameTotpBody', example: { name: 'Ada’s phone' } });

export const rename = endpoint({
  name: 'renameTotp',
  summary: 'Rename an authenticator app',
  statements: 1,
  body: renameSchema,
  reply: [200, totpSchema],
  returns: 'The app as it is now.',
  errors: ['not_found'],
  async handler({ deps, principal, id, body }) {
    const totp = await renameTotp(deps.db, principal.sub, id, body.name);
    if (!totp) throw new AppError('not_found');
    return { body: totpJson(totp) };
  },
});

export const remove = endpoint({
  name: 'removeTotp',
  summary: 'Remove an authenticator app',
  statements: 11,
  body: proofSchema,
  reply: [204],
  returns: 'It is gone, and every other session has ended. With the last app and passkey the second factor is off.',
  errors: ['insufficient_user_authentication', 'invalid_credentials', 'not_found', 'last_sign_in_method', 'overloaded'],
  async handler(context) {
    await removeMethod(context, await requireProof(context, context.body.password), 'totp', context.id);
    return {};
  },
});
