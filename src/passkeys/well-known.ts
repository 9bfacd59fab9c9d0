import { z } from 'zod';
import type { Context } from '../endpoint.js';
import { openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import type { Reply } from '../platform/http/endpoint.js';
import type { PasskeyConfig } from './settings.js';

/** Each is read by systems of others, who ask the RP ID's host for it. */

const kept = { 'Cache-Control': 'public, max-age=3600' };

/** The file, unless there is nothing to say. */
export function iosFile({ iosApps }: PasskeyConfig) {
  return iosApps.length === 0 ? undefined : { webcredentials: { apps: iosApps } };
}

export function androidFile({ androidApps }: PasskeyConfig) {
  if (androidApps.length === 0) return undefined;
  const packages = [...new Set(androidApps.map((app) => app.package))];
  return packages.map((name) => ({
    relation: ['delegate_permission/common.get_login_creds'],
    target: {
      namespace: 'android_app',
      package_name: name,
      sha256_cert_fingerprints: androidApps.filter((app) => app.package === name).map((app) => app.certificate),
    },
  }));
}

export function relatedOriginsFile({ relatedOrigins }: PasskeyConfig) {
  return relatedOrigins.length === 0 ? undefined : { origins: relatedOrigins };
}

function found<File>({ deps }: Context<undefined>, fileOf: (config: PasskeyConfig) => File | undefined): Reply<File> {
  const body = fileOf(deps.config.passkeys);
  if (body === undefined) throw new AppError('not_found');
  return { body, headers: kept };
}

export const ios = openEndpoint({
  name: 'getAppleAppSiteAssociation',
  summary: 'Which iOS apps may use passkeys',
  statements: 0,
  reply: [
    200,
    z
      .object({ webcredentials: z.object({ apps: z.array(z.string()) }) })
      .meta({ id: 'AppleAppSiteAssociation', example: { webcredentials: { apps: ['ABCDE12345.com.example.app'] } } }),
  ],
  returns: 'Made of `PASSKEY_APPS`, for iOS and macOS.',
  errors: ['not_found'],
  handler: (context) => found(context, iosFile),
});

export const android = openEndpoint({
  name: 'getAssetLinks',
  summary: 'Which Android apps may use passkeys',
  statements: 0,
  reply: [
    200,
    z
      .array(
        z.object({
          relation: z.array(z.string()),
          target: z.object({
            namespace: z.string(),
            package_name: z.string(),
            sha256_cert_fingerprints: z.array(z.string()),
          }),
        }),
      )
      .meta({ id: 'AssetLinks', example: [] }),
  ],
  returns: 'Made of `PASSKEY_APPS`, for Android.',
  errors: ['not_found'],
  handler: (context) => found(context, androidFile),
});

export const relatedOrigins = openEndpoint({
  name: 'getRelatedOrigins',
  summary: 'Which other sites may use passkeys',
  statements: 0,
  reply: [
    200,
    z
      .object({ origins: z.array(z.string()) })
      .meta({ id: 'RelatedOrigins', example: { origins: ['https://example.de'] } }),
  ],
  returns: 'Made of `PASSKEY_ORIGINS`, for browsers (WebAuthn L3 §5.11.1).',
  errors: ['not_found'],
  handler: (context) => found(context, relatedOriginsFile),
});
