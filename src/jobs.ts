import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { tellOfExpiry } from './api-keys/expiry.js';
import { purgeApiKeys } from './api-keys/purge.js';
import { retainAudit } from './audit/chain/retention.js';
import { sealAudit } from './audit/chain/seal.js';
import type { Deps } from './deps.js';
import { purgeTokens } from './email/purge.js';
import { purgeInvitations } from './invitations/purge.js';
import { rotateKeysByAge } from './keys/rotation.js';
import { purgeSpentChallenges } from './passkeys/purge.js';
import { purgeLimits } from './platform/limits/purge.js';
import { purgeOutbox } from './platform/outbox/purge.js';
import { purgeExternalFlows } from './providers/purge.js';
import { purgeSecondFactors } from './second-factor/purge.js';
import { purgeSessions } from './sessions/purge.js';
import { finishEndings } from './sessions/unfinished.js';
import { purgePendingSignUps } from './sign-up/purge.js';
import { finishDeletions } from './users/removal.js';
import { purgeDeliveries } from './webhooks/purge.js';

/** What runs by itself in every instance; where it matters, in one instance at a time. */
const jobs: { name: string; everySeconds: number; run(deps: Deps): Promise<unknown> }[] = [
  { name: 'sweep revocations', everySeconds: 60, run: ({ revocations }) => revocations.sweep() },
  { name: 'reload signing keys', everySeconds: 60, run: ({ keys }) => keys.reload() },
  { name: 'rotate signing keys', everySeconds: 600, run: rotateKeysByAge },
  { name: 'finish endings', everySeconds: 60, run: finishEndings },
  { name: 'finish deletions', everySeconds: 60, run: finishDeletions },
  { name: 'purge sessions', everySeconds: 3600, run: purgeSessions },
  { name: 'note uses of API keys', everySeconds: 60, run: ({ apiKeys }) => apiKeys.uses.write() },
  { name: 'tell of expiry of API keys', everySeconds: 3600, run: tellOfExpiry },
  { name: 'purge API keys', everySeconds: 3600, run: purgeApiKeys },
  { name: 'purge rate limits', everySeconds: 600, run: purgeLimits },
  { name: 'seal audit events', everySeconds: 60, run: sealAudit },
  { name: 'retain audit events', everySeconds: 3600, run: retainAudit },
  { name: 'purge outbox', everySeconds: 3600, run: purgeOutbox },
  { name: 'purge one-time tokens', everySeconds: 3600, run: purgeTokens },
  { name: 'purge second factors', everySeconds: 3600, run: purgeSecondFactors },
  { name: 'purge spent challenges', everySeconds: 3600, run: purgeSpentChallenges },
  { name: 'purge external flows', everySeconds: 3600, run: purgeExternalFlows },
  { name: 'purge invitations', everySeconds: 3600, run: purgeInvitations },
  { name: 'purge deliveries to webhooks', everySeconds: 3600, run: purgeDeliveries },
  { name: 'purge pending sign-ups', everySeconds: 3600, run: purgePendingSignUps },
];

/** Starts the jobs. @returns a function that stops them and waits for running ones */
export function startJobs(deps: Deps): () => Promise<void> {
  const stopping = new AbortController();
  // Each job listens: Node warns from the eleventh on.
  setMaxListeners(jobs.length, stopping.signal);
  const running = jobs.map(async ({ name, everySeconds, run }) => {
    while (await pause(everySeconds, stopping.signal)) {
      await run(deps).catch((error) => deps.log.error({ err: error, job: name }, 'a job failed'));
    }
  });
  return async () => {
    stopping.abort();
    await Promise.all(running);
  };
}

// Up to a fifth more or less, so that instances that started together do not work together.
async function pause(seconds: number, signal: AbortSignal): Promise<boolean> {
  await sleep(seconds * 1000 * (0.8 + Math.random() * 0.4), undefined, { ref: false, signal }).catch(() => undefined);
  return !signal.aborted;
}
