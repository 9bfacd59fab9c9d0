import { purge } from '../domain/purge.js';
import type { Command } from './command.js';

/** What the server does by itself every hour, now. */
export const purgeCommand: Command = {
  name: 'purge',
  arguments: [],
  summary: 'remove what the server removes every hour: sessions and revocations past use',
  async run(deps) {
    const purged = await purge(deps);
    if (!purged) return { json: { purged: null }, text: 'An instance is purging just now: nothing was left to do.' };
    const { sessions, revocations } = purged;
    return {
      json: { purged: { sessions, revocations } },
      text: `Removed ${sessions} sessions and ${revocations} revocations.`,
    };
  },
};
