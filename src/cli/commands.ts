import { auditCommands } from './audit.js';
import type { Command } from './command.js';
import { databaseCopyCommand } from './database-copy.js';
import { doctor } from './doctor/doctor.js';
import { keyCommands } from './keys.js';
import { purgeCommand } from './purge.js';
import { sessionCommands } from './sessions.js';
import { transferCommands } from './transfer.js';
import { userCommands } from './users.js';

/** Everything that an operator can do, in the order of help. */
export const commands: Command[] = [
  ...userCommands,
  ...transferCommands,
  ...sessionCommands,
  ...keyCommands,
  ...auditCommands,
  databaseCopyCommand,
  purgeCommand,
  doctor,
];
