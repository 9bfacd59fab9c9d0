import { z } from 'zod';
import { isOrigin, list } from '../platform/settings/kinds.js';

/** An app may use passkeys once the host of the RP ID says that it belongs to it. */
type App = { system: 'ios'; id: string } | { system: 'android'; package: string; certificate: Buffer };

// The last label begins with a letter: so it is no IP address, which cannot be an RP ID.
const domain = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const rpId = z.string().refine((text) => text === 'localhost' || (domain.test(text) && text.length <= 253), {
  error: 'a domain in lower case, such as example.com, or localhost; never an IP address',
});

const apps = list.transform((items, context): App[] => {
  const read = items.map(readApp);
  if (read.every((app) => app !== undefined)) return read;
  context.addIssue('a list of ios:<TeamID>.<bundle> and android:<package>:<SHA-256 of the certificate>');
  return z.NEVER;
});

export const passkeySettings = {
  PASSKEY_RP_ID: rpId.optional().meta({
    description:
      'The domain that passkeys are for: the host of `APP_URL`, or a domain that this host is below. After a change no passkey works that was made before. Unset: the host of `APP_URL`.',
    computed: 'localhost',
  }),
  PASSKEY_ORIGINS: list
    .refine((items) => items.every(isPasskeyOrigin), {
      error: 'a list of origins such as https://app.example (http only for localhost)',
    })
    .default([])
    .describe(
      'Further origins where passkeys work, separated by commas. Those of `APP_URL`, `JWT_ISSUER` and `CORS_ORIGINS` whose host is the RP ID or below it need not be named. Sites of other domains are told to browsers at `/.well-known/webauthn`.',
    ),
  PASSKEY_APPS: apps
    .default([])
    .describe(
      'Apps where passkeys work, separated by commas: `ios:<TeamID>.<bundle>`, `android:<package>:<SHA-256 of the certificate>`. The files that iOS and Android ask for are made of it.',
    ),
};

function readApp(text: string): App | undefined {
  const [, id] = /^ios:([A-Z0-9]{10}\.[\w.-]{1,155})$/.exec(text) ?? [];
  if (id !== undefined) return { system: 'ios', id };
  const [, name, hash = ''] = /^android:([a-z]\w*(?:\.[a-z]\w*)+):([\da-f:]+)$/i.exec(text) ?? [];
  if (name === undefined || !/^(?:[\da-f]{64}|[\da-f]{2}(?::[\da-f]{2}){31})$/i.test(hash)) return undefined;
  return { system: 'android', package: name, certificate: Buffer.from(hash.replaceAll(':', ''), 'hex') };
}

function isPasskeyOrigin(text: string): boolean {
  return isOrigin(text) && (!text.startsWith('http:') || isLocal(new URL(text).hostname));
}

function isLocal(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost');
}

function isWithin(host: string, rpId: string): boolean {
  return host === rpId || host.endsWith(`.${rpId}`);
}

type Given = z.output<z.ZodObject<typeof passkeySettings>>;
type Places = { appUrl: string; issuer: string; corsOrigins: string[] };

export function passkeyContradictions({ PASSKEY_RP_ID: given }: Partial<Given>, appUrl: string): string[] {
  if (given === undefined || isWithin(new URL(appUrl).hostname, given)) return [];
  return ['PASSKEY_RP_ID must be the host of APP_URL, or a domain that this host is below.'];
}

/** The host that passkeys are made for, and where they may be used. No request changes it. */
export type PasskeyConfig = ReturnType<typeof passkeyConfig>;

export function passkeyConfig(given: Given, { appUrl, issuer, corsOrigins }: Places) {
  const rpId = given.PASSKEY_RP_ID ?? new URL(appUrl).hostname;
  const ofRpId = (origin: string) => /^https?:/.test(origin) && isWithin(new URL(origin).hostname, rpId);
  const own = [new URL(appUrl).origin, new URL(issuer).origin, ...corsOrigins];
  const apps = given.PASSKEY_APPS;
  const ios = apps.flatMap((app) => (app.system === 'ios' ? [app.id] : []));
  const android = apps.flatMap((app) => (app.system === 'android' ? [app] : []));
  return {
    rpId,
    origins: [
      ...new Set([
        ...own.filter((origin) => isPasskeyOrigin(origin) && ofRpId(origin)),
        ...given.PASSKEY_ORIGINS,
        // What iOS says for every app.
        ...(ios.length > 0 ? [`https://${rpId}`] : []),
        ...android.map(({ certificate }) => `android:apk-key-hash:${certificate.toString('base64url')}`),
      ]),
    ],
    /** Sites of other domains (WebAuthn L3 §5.11.1). */
    relatedOrigins: given.PASSKEY_ORIGINS.filter((origin) => origin.startsWith('https:') && !ofRpId(origin)),
    iosApps: ios,
    androidApps: android.map((app) => ({ package: app.package, certificate: withColons(app.certificate) })),
  };
}

function withColons(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':');
}
