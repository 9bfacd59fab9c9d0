import { finishExternal, linkIdentity, listProviders, logInWith } from '@gatelatch/client/providers';
import { callback, client } from './client.js';
import { meaningOf, tell } from './page.js';

/** A button for each provider that the server has. @param attempt runs the work and shows what goes wrong */
export async function providerButtons(attempt: (work: () => Promise<unknown>) => void): Promise<HTMLButtonElement[]> {
  // Without an answer there are none: the form says so when it is sent.
  const providers = await listProviders(client).catch(() => []);
  return providers.map(({ name, label }) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = `Continue with ${label}`;
    button.addEventListener('click', () => attempt(() => logInWith(client, name, { redirectUri: callback })));
    return button;
  });
}

/** Signs in by a provider's answer. Success is reported by the event `signedIn`. */
export async function finish(answer: string): Promise<void> {
  const { status } = await finishExternal(client, answer);
  if (status === 'verification_sent') tell('A mail is on its way to you. Open its link, then continue here.');
}

/** Links what waits for it to the user who has signed in. */
export async function link(linkToken: string, password: string): Promise<void> {
  try {
    await linkIdentity(client, { linkToken, password });
    tell('It is linked: from now on you can continue with it here.');
  } catch (error) {
    tell(`It could not be linked. ${meaningOf(error)}`);
  }
}
