import { createAccessToken } from './access-token.js';
import { listedProviders, takeAnswer } from './callback.js';
import { recording } from './exchange.js';
import { createHeader } from './header.js';
import { createProof } from './proof.js';
import { createProtectedRoutes } from './protected-routes.js';
import { openSession } from './session.js';
import { createSessions } from './sessions.js';
import { createSignIn } from './sign-in.js';
import { createSignInMethods } from './sign-in-methods.js';
import { claimTab } from './tab.js';
import { createTodos } from './todos.js';
import { createWireLog } from './wire-log.js';

// A link to a second session names its user.
const expected = location.hash.startsWith('#as=') ? decodeURIComponent(location.hash.slice(4)) : undefined;
if (expected) history.replaceState(null, '', location.pathname);

const answer = takeAnswer();

await claimTab();
const wire = createWireLog();
const recorded = recording(wire.add);
const playground = await openSession(recorded, expected !== undefined);
createHeader(playground);
createAccessToken(playground);
createProtectedRoutes(playground);
const proven = createProof(playground);
const methods = createSignInMethods(playground, proven);
createTodos(playground);
const sessions = createSessions(playground);
const signIn = createSignIn(playground, expected, sessions.offerPassword);

// Nothing of it shows before the gate is open.
let hasKeys = false;
playground.follow(async ({ session }) => {
  if (!session || hasKeys) return;
  hasKeys = true;
  (await import('./api-keys.js')).createApiKeys(playground, proven);
});

const other = document.querySelector<HTMLMetaElement>('meta[name=other-service]');
if (other) (await import('./other-service.js')).createOtherService(playground, recorded, new URL(other.content));

const providers = await listedProviders();
if (answer || providers.length > 0) {
  // Few servers have any.
  const { createProviders } = await import('./providers.js');
  createProviders({ playground, signIn, methods, proven }, providers, answer);
}
