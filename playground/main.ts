import { createAccessToken } from './access-token.js';
import { createDoors } from './doors.js';
import { recording } from './exchange.js';
import { openGate } from './gate.js';
import { createSessions } from './sessions.js';
import { createSignIn } from './sign-in.js';
import { claimTab } from './tab.js';
import { createThreshold } from './threshold.js';
import { createTodos } from './todos.js';
import { createWireLog } from './wire-log.js';

// A link to a second session names its user.
const expected = location.hash.startsWith('#as=') ? decodeURIComponent(location.hash.slice(4)) : undefined;
if (expected) history.replaceState(null, '', location.pathname);

await claimTab();
const wire = createWireLog();
const gate = await openGate(recording(wire.add), expected !== undefined);
createThreshold(gate);
createAccessToken(gate);
createDoors(gate);
createTodos(gate);
const sessions = createSessions(gate);
createSignIn(gate, expected, sessions.offerPassword);
