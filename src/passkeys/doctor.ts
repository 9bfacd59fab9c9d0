import type { Config } from '../config.js';
import type { Deps } from '../deps.js';
import { oneLine } from '../platform/cli/answer.js';
import { type Finding, ok, warning } from '../platform/cli/finding.js';
import type { Database, Db } from '../platform/db/database.js';
import type { PasskeyConfig } from './settings.js';
import { androidFile, iosFile, relatedOriginsFile } from './well-known.js';

/** What `doctor` says of passkeys. */
export const passkeyChecks = { setUp: checkSetUp, database: checkStored };

async function checkSetUp({ passkeys }: Pick<Config, 'passkeys'>): Promise<Finding[]> {
  return [places(passkeys), ...(await Promise.all(filesOf(passkeys).map((file) => fileSeen(passkeys.rpId, file))))];
}

function places({ rpId, origins }: PasskeyConfig): Finding {
  if (origins.length > 0) return ok('passkeys', `for ${rpId}, at ${origins.join(', ')}`);
  const mend = 'Set APP_URL to an https address with a domain (http only for localhost), and PASSKEY_RP_ID to it.';
  return warning('passkeys', `${rpId} is no place for passkeys: none of our origins may use it`, mend);
}

/** Passkeys that no browser offers any more. */
async function orphanedPasskeys(db: Db, { rpId }: PasskeyConfig): Promise<{ rpId: string; count: number }[]> {
  return db.$queryRaw`
    SELECT rp_id AS "rpId", count(*)::int AS count FROM passkey WHERE rp_id <> ${rpId} GROUP BY rp_id ORDER BY rp_id`;
}

async function checkStored(
  { passkeys }: Pick<Config, 'passkeys'>,
  { client }: Pick<Database, 'client'>,
): Promise<Finding[]> {
  const orphaned = await orphanedPasskeys(client, passkeys);
  if (orphaned.length === 0) return [ok('stored passkeys', `all are for ${passkeys.rpId}`)];
  const found = orphaned.map(({ rpId, count }) => `${count} for ${rpId}`).join(', ');
  const mend = `They work nowhere while PASSKEY_RP_ID is ${passkeys.rpId}: set it back, or let their users make new ones.`;
  return [warning('stored passkeys', found, mend)];
}

type File = { path: string; content: object };

function filesOf(config: PasskeyConfig): File[] {
  const files = {
    'apple-app-site-association': iosFile(config),
    'assetlinks.json': androidFile(config),
    webauthn: relatedOriginsFile(config),
  };
  return Object.entries(files).flatMap(([name, content]) =>
    content === undefined ? [] : [{ path: `/.well-known/${name}`, content }],
  );
}

const patienceMs = 3_000;

/** Systems of others ask the RP ID's host, which may be another one's. */
async function fileSeen(rpId: string, { path, content }: File): Promise<Finding> {
  const url = `https://${rpId}${path}`;
  const mend = `Pass ${path} of ${rpId} through to this server, or copy it.`;
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(patienceMs) });
    if (answer.status !== 200) return warning(path, `${url} answers ${answer.status}`, mend);
    const text = await answer.text();
    return isSame(text, content) ? ok(path, `${url} says what we say`) : warning(path, `${url} says otherwise`, mend);
  } catch (error) {
    return warning(path, `${url} cannot be read: ${oneLine(error)}`, mend);
  }
}

function isSame(text: string, content: object): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(content);
  } catch {
    return false;
  }
}

/** Says it at each start: an operator who changed the RP ID may not know what it does. */
export async function warnOfOrphanedPasskeys({ db, config, log }: Pick<Deps, 'db' | 'config' | 'log'>): Promise<void> {
  const { rpId } = config.passkeys;
  for (const { rpId: before, count } of await orphanedPasskeys(db, config.passkeys))
    log.warn(
      { before, now: rpId, passkeys: count },
      `passkeys work no more: they were made for another domain. Their users can make new ones; or set PASSKEY_RP_ID=${before}`,
    );
}
