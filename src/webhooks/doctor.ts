import type { Config } from '../config.js';
import { authSecret } from '../keys/auth-secret.js';
import { readDataBox } from '../keys/data-box.js';
import { createSecretBox } from '../keys/secret-box.js';
import { type Finding, ok, warning } from '../platform/cli/finding.js';
import type { Database, Db } from '../platform/db/database.js';
import { openSecret } from './secrets.js';
import { webhookVitals } from './vitals.js';

/** What `doctor` says of webhooks. It names them by id: a URL may have a secret in it. */
export const webhookChecks = { database: check };

async function check(config: Config, { client: db }: Pick<Database, 'client'>): Promise<Finding[]> {
  if ((await db.webhook.count()) === 0) return [];
  const previous = config.authSecretPrevious === undefined ? [] : [config.authSecretPrevious];
  const box = await readDataBox(db, createSecretBox([await authSecret(config), ...previous]));
  return [await enabled(db), await waiting(db), await secrets(db, box)];
}

async function enabled(db: Db): Promise<Finding> {
  const found = await db.webhook.findMany({ select: { id: true, disabledReason: true }, orderBy: { id: 'asc' } });
  const given = found.filter(({ disabledReason }) => disabledReason !== null);
  const off = given.map(({ id, disabledReason }) => `${id} (${disabledReason})`).join(', ');
  if (given.length === 0) return ok('webhooks', `${found.length}, all enabled`);
  const mend = 'Mend its receiver, then: webhooks enable. What happened meanwhile: webhooks replay.';
  return warning('webhooks', `${found.length}, disabled: ${off}`, mend);
}

// The third attempt comes after five minutes: what waits for longer than an hour has failed four times, or nobody sends.
const longestWaitSeconds = 3_600;

async function waiting(db: Db): Promise<Finding> {
  const { waiting, oldestSeconds } = await webhookVitals({ db });
  const state = `${waiting} waiting, the oldest for ${Math.round(oldestSeconds)} s`;
  return oldestSeconds > longestWaitSeconds
    ? warning('deliveries to webhooks', state, 'See what failed: GET /admin/webhooks/{id}/deliveries.')
    : ok('deliveries to webhooks', state);
}

async function secrets(db: Db, box: Awaited<ReturnType<typeof readDataBox>>): Promise<Finding> {
  const rows = await db.webhook.findMany({ where: { sealedSecret: { not: null } }, orderBy: { id: 'asc' } });
  const lost = rows.filter(({ id, sealedSecret }) => sealedSecret && !openSecret(box, id, sealedSecret));
  const check = 'secrets of webhooks';
  if (lost.length === 0) return ok(check, 'all open');
  return warning(
    check,
    `no data key opens that of ${lost.map(({ id }) => id).join(', ')}`,
    'Set AUTH_SECRET_PREVIOUS if the secret is known that sealed the data key. Else: webhooks rotate-secret.',
  );
}
