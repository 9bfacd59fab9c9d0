import { purgeLimits } from '../domain/limit-purge.js';
import { purgeMail } from '../domain/mail-purge.js';
import { purge } from '../domain/purge.js';
import type { Command } from './command.js';

/** What the server does by itself every hour, now. */
export const purgeCommand: Command = {
  name: 'purge',
  arguments: [],
  summary: 'remove what the server removes every hour: what is past its use',
  async run(deps) {
    await purgeMail(deps);
    await purgeLimits(deps);
    const purged = await purge(deps);
    if (!purged) return { json: { purged: null }, text: 'An instance is purging just now: nothing was left to do.' };
    const { sessions, revocations } = purged;
    return {
      json: { purged: { sessions, revocations } },
      text: `Removed ${sessions} sessions and ${revocations} revocations.`,
    };
  },
};
