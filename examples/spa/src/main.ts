import { client, isCallback, transport } from './client.js';
import { find } from './page.js';
import { signInView } from './sign-in.js';
import { todosView } from './todos.js';

async function show(answer?: string): Promise<void> {
  const session = await client.session();
  find(document, 'main').replaceChildren(session ? todosView(session.user.username) : signInView(answer));
}

find(document, transport === 'cookie' ? 'nav a:last-child' : 'nav a:first-child').ariaCurrent = 'page';
// Also if another tab signs in or out.
client.on('signedIn', () => show());
client.on('signedOut', () => show());
await show(isCallback ? location.href : undefined);
// No reload may bring the answer again, whatever came of it.
if (isCallback) history.replaceState(null, '', transport === 'cookie' ? '/?transport=cookie' : '/');
