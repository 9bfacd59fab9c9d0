import { integer } from '../platform/settings/kinds.js';

/** The settings of your own rows. A handler finds them in `deps.config.own`. */
export const ownSettings = {
  TODOS_PER_USER: integer(10_000, 1, 1_000_000).describe(
    'How many todos a user may have. Above it a new one is refused with `quota_exceeded`.',
  ),
};
