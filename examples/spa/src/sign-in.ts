import { GatelatchError } from '@gatelatch/client';
import { client } from './client.js';
import { copyOf, find, tell, telling } from './page.js';
import { finish, link, providerButtons } from './providers.js';

/**
 * The form to log in or sign up. Success is reported by the event `signedIn`.
 * @param answer a provider's, which has just come to this page
 */
export function signInView(answer?: string): DocumentFragment {
  const view = copyOf('sign-in');
  const form = find<HTMLFormElement>(view, 'form');
  const alert = find(view, '[role=alert]');
  const nameAndPassword = find<HTMLFieldSetElement>(view, 'fieldset');
  const codeField = find(view, '#code');
  const providers = find(view, '#providers');
  /** Stands for what is to be linked to the user who logs in. */
  let linkToken: string | undefined;

  const attempt = (work: () => Promise<unknown>) => void telling(alert, () => work().catch(explain));

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const {
      username = '',
      password = '',
      code = '',
    } = Object.fromEntries(new FormData(form)) as Record<string, string>;
    const wanted = (event.submitter as HTMLButtonElement).value as 'logIn' | 'signUp';
    attempt(async () => {
      tell('');
      if (code) await client.secondFactor({ code });
      else await client[wanted]({ username, password });
      if (linkToken && wanted === 'logIn') await link(linkToken, password);
    });
  });
  // Anything else in the form begins anew.
  form.addEventListener('input', ({ target }) => {
    if (!codeField.contains(target as Node)) askForCode(false);
  });
  void providerButtons(attempt).then((buttons) => providers.append(...buttons));
  if (answer) attempt(() => finish(answer));

  function askForCode(isDue: boolean): void {
    codeField.hidden = !isDue;
    // After a provider there is no password.
    nameAndPassword.disabled = nameAndPassword.hidden = isDue && !form.checkValidity();
    const field = find<HTMLInputElement>(codeField, 'input');
    field.value = '';
    if (isDue) field.focus();
  }

  /** The errors of the fields say more than the general message. */
  function explain(error: unknown): never {
    if (error instanceof GatelatchError) {
      if (error.code === 'second_factor_required') askForCode(true);
      if (error.code === 'login_expired') askForCode(false);
      if (error.linkToken) {
        linkToken = error.linkToken;
        throw new Error(
          'Somebody here has this address. If that is you, log in with your password: then it is linked.',
        );
      }
      if (error.errors) throw new Error(error.errors.map(({ message }) => message).join(' '));
    }
    throw error;
  }
  return view;
}
