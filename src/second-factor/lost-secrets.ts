import type { Deps } from '../deps.js';
import { readDataBox } from '../keys/data-box.js';
import type { SecretBox } from '../keys/secret-box.js';
import type { Db } from '../platform/db/database.js';
import { openTotpSecret } from './totp-secrets.js';

type Telling = Pick<Deps, 'log' | 'keys'>;

/** Enough for the log of one process: `doctor` counts all of them. */
const mostTold = 1_000;

const told = new WeakMap<Telling['keys'], Set<string>>();

/** Says once that no data key opens the secret of an authenticator app. */
export function tellOfLostSecret({ log, keys }: Telling, totpId: string): void {
  const ids = told.get(keys) ?? new Set();
  told.set(keys, ids);
  if (ids.has(totpId) || ids.size >= mostTold) return;
  ids.add(totpId);
  log.warn({ totpId }, 'no data key opens the secret of an authenticator app: all of its codes are wrong');
}

const pageSize = 1_000;

/** How many authenticator apps there are, and of how many the secret is lost. */
export async function countLostSecrets(db: Db, secrets: SecretBox): Promise<{ all: number; lost: number }> {
  const box = await readDataBox(db, secrets);
  const counts = { all: 0, lost: 0 };
  let last: string | undefined;
  for (;;) {
    const page = await db.totp.findMany({
      select: { id: true, secret: true },
      where: { confirmedAt: { not: null }, ...(last !== undefined && { id: { gt: last } }) },
      orderBy: { id: 'asc' },
      take: pageSize,
    });
    counts.all += page.length;
    counts.lost += page.filter(({ id, secret }) => !openTotpSecret(box, id, secret)).length;
    last = page.at(-1)?.id;
    if (page.length < pageSize) return counts;
  }
}
