import { sessionCommands } from './admin/session-commands.js';
import { userCommands } from './admin/user-commands.js';
import { apiKeyCommands } from './api-keys/commands.js';
import { apiKeyChecks } from './api-keys/doctor.js';
import { auditCommands } from './audit/chain/commands.js';
import type { CommandDeps } from './deps.js';
import { invitationCommands } from './invitations/commands.js';
import { purgeInvitations } from './invitations/purge.js';
import { keyCommands } from './keys/commands.js';
import { databaseCopyCommand } from './operations/database-copy.js';
import { doctor } from './operations/doctor/doctor.js';
import { purgeCommand } from './operations/purge.js';
import { passkeyChecks } from './passkeys/doctor.js';
import { purgeSpentChallenges } from './passkeys/purge.js';
import { roleCommands } from './permissions/commands.js';
import type { Command } from './platform/cli/command.js';
import { providerCommands } from './providers/commands.js';
import { providerChecks } from './providers/doctor.js';
import { purgeExternalFlows } from './providers/purge.js';
import { checkTotps } from './second-factor/doctor.js';
import { transferCommands } from './user-transfer/commands.js';
import { webhookCommands } from './webhooks/commands.js';
import { webhookChecks } from './webhooks/doctor.js';
import { purgeDeliveries } from './webhooks/purge.js';

/** Every command of the operator, in the order of the help. */
export const commands: Command<CommandDeps>[] = [
  ...userCommands,
  ...roleCommands,
  ...invitationCommands,
  ...providerCommands,
  ...transferCommands,
  ...sessionCommands,
  ...apiKeyCommands,
  ...webhookCommands,
  ...keyCommands,
  ...auditCommands,
  databaseCopyCommand,
  purgeCommand([purgeSpentChallenges, purgeExternalFlows, purgeInvitations, purgeDeliveries]),
  doctor([{ database: checkTotps }, passkeyChecks, providerChecks, apiKeyChecks, webhookChecks]),
];
