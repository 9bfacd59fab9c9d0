import type { Config } from '../config.js';
import { authSecret } from '../keys/auth-secret.js';
import { createSecretBox } from '../keys/secret-box.js';
import { type Finding, ok, warning } from '../platform/cli/finding.js';
import type { Database } from '../platform/db/database.js';
import { countLostSecrets } from './lost-secrets.js';

const mend =
  'Set AUTH_SECRET_PREVIOUS if the secret is known that sealed the data key. Else their users sign in by recovery code or passkey and add a new app; for those who have neither: users reset-second-factor.';

/** What `doctor` says of stored authenticator apps. */
export async function checkTotps(config: Config, { client }: Pick<Database, 'client'>): Promise<Finding[]> {
  const previous = config.authSecretPrevious === undefined ? [] : [config.authSecretPrevious];
  const { all, lost } = await countLostSecrets(client, createSecretBox([await authSecret(config), ...previous]));
  const check = 'authenticator apps';
  return [lost === 0 ? ok(check, 'all can be checked') : warning(check, `no data key opens ${lost} of ${all}`, mend)];
}
