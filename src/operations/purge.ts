import { auditKeyOf } from '../audit/chain/commands.js';
import { type Retained, retainAudit } from '../audit/chain/retention.js';
import type { CommandDeps } from '../deps.js';
import { purgeTokens } from '../email/purge.js';
import { listKeys } from '../keys/list.js';
import type { Command } from '../platform/cli/command.js';
import { purgeLimits } from '../platform/limits/purge.js';
import { purgeOutbox } from '../platform/outbox/purge.js';
import { purgeSecondFactors } from '../second-factor/purge.js';
import { purgeSessions } from '../sessions/purge.js';
import { finishEndings } from '../sessions/unfinished.js';
import { purgePendingSignUps } from '../sign-up/purge.js';
import { finishDeletions } from '../users/removal.js';

/** @param further what rooms purge that can be taken away */
export const purgeCommand = (further: ((deps: CommandDeps) => Promise<void>)[]): Command<CommandDeps> => ({
  name: 'purge',
  arguments: [],
  summary: 'remove expired data now, as the server does every hour',
  async run(deps) {
    for (const purge of [
      finishEndings,
      finishDeletions,
      purgeOutbox,
      purgeTokens,
      purgeSecondFactors,
      purgePendingSignUps,
      purgeLimits,
      ...further,
    ])
      await purge(deps);
    const purged = await purgeSessions(deps);
    const { purged: events } = await retain(deps);
    if (!purged)
      return { json: { purged: null }, text: 'Another instance is purging right now: nothing was left to do.' };
    const { sessions, revocations } = purged;
    return {
      json: { purged: { sessions, revocations, audit_events: events } },
      text: `Removed ${sessions} sessions, ${revocations} revocations and ${events} audit events.`,
    };
  },
});

/** Before the first start of a server there is no key, so nothing is sealed. */
async function retain(deps: CommandDeps): Promise<Retained> {
  if ((await listKeys(deps)).length === 0) return { purged: 0, erased: 0 };
  return retainAudit({ ...deps, auditKey: await auditKeyOf(deps) });
}
