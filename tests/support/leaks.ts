import type { Config } from '../../src/config.js';
import type { Deps } from '../../src/deps.js';
import type { KeyPurpose } from '../../src/keys/signing-keys.js';
import type { Db } from '../../src/platform/db/database.js';
import { mailsOf } from './mails.js';
import type { Secrets } from './secrets.js';

/** Adds the secrets of the server: its settings, its keys, and the tokens in mails that are files. */
export function noteServersSecrets({ config, deps }: { config: Config; deps: Deps }, secrets: Secrets): void {
  secrets.add('AUTH_SECRET', config.authSecret);
  for (const [name, url] of Object.entries({ DATABASE_URL: config.database.url, SMTP_URL: config.mail.smtpUrl }))
    secrets.add(`the password in ${name}`, passwordIn(url));
  secrets.add('the password in REDIS_URL', passwordIn(config.limits.redisUrl));
  secrets.add('ADMIN_PASSWORD', config.firstAdmin?.password);
  for (const { name, secret } of config.providers) secrets.add(`the secret for ${name}`, secretOf(secret));
  for (const purpose of ['access', 'refresh', 'device', 'audit'] as const) noteKey(deps, purpose, secrets);
  for (const { subject, token } of mailsOf({ config })) secrets.add(`the token of "${subject}"`, token);
}

function passwordIn(url: string | undefined): string | undefined {
  return url?.includes('@') ? decodeURIComponent(new URL(url).password) : undefined;
}

function secretOf(secret: Config['providers'][number]['secret']): string | Buffer {
  return 'text' in secret ? secret.text : Buffer.from(secret.privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
}

/** The secret part of a key, as bytes: all of a symmetric one, `d` of the others (RFC 7518 §6). */
function noteKey({ keys }: Pick<Deps, 'keys'>, purpose: KeyPurpose, secrets: Secrets): void {
  const { k, d } = keys.active(purpose).privateKey.export({ format: 'jwk' });
  secrets.add(`the ${purpose} key`, Buffer.from(k ?? d ?? '', 'base64url'));
}

/**
 * All rows of all tables as JSON text, with bytes in hex. It is one statement, so that it is sent before the server
 * stops.
 */
export async function dumpOf(db: Db): Promise<string> {
  const [row] = await db.$queryRaw<{ dump: string | null }[]>`
    SELECT string_agg(query_to_xml(format('SELECT to_jsonb(t)::text AS row FROM %I.%I t', table_schema, table_name),
      false, true, '')::text, E'\n') AS dump
    FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`;
  return (row?.dump ?? '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/** @throws Error that names each secret that was found, and the text that contains it */
export function expectNoSecret(secrets: Secrets, texts: Record<string, string>): void {
  const found = Object.entries(texts).flatMap(([place, text]) => {
    const secretsThere = secrets.foundIn(text).map((secret) => `${place}: ${secret}`);
    return secretsThere.slice(0, 10);
  });
  if (found.length > 0) throw new Error(`Secrets where none may be:\n${found.join('\n')}`);
}
