import { GatelatchError } from '@gatelatch/client';
import { client } from './client.js';
import { copyOf, find, telling } from './page.js';

/** The form to log in or sign up. Success is reported by the event `signedIn`. */
export function signInView(): DocumentFragment {
  const view = copyOf('sign-in');
  const form = find<HTMLFormElement>(view, 'form');
  const alert = find(view, '[role=alert]');
  const codeField = find(view, '#code');
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const {
      username = '',
      password = '',
      code = '',
    } = Object.fromEntries(new FormData(form)) as Record<string, string>;
    const wanted = (event.submitter as HTMLButtonElement).value as 'logIn' | 'signUp';
    const signIn = async () => {
      if (code) await client.secondFactor({ code });
      else await client[wanted]({ username, password });
    };
    telling(alert, () => signIn().catch(explain));
  });
  // Anything else in the form begins anew.
  form.addEventListener('input', ({ target }) => {
    if (!codeField.contains(target as Node)) askForCode(false);
  });

  function askForCode(isDue: boolean): void {
    codeField.hidden = !isDue;
    const field = find<HTMLInputElement>(codeField, 'input');
    field.value = '';
    if (isDue) field.focus();
  }

  /** The errors of the fields say more than the general message. */
  function explain(error: unknown): never {
    if (error instanceof GatelatchError) {
      if (error.code === 'second_factor_required') askForCode(true);
      if (error.code === 'login_expired') askForCode(false);
      if (error.errors) throw new Error(error.errors.map(({ message }) => message).join(' '));
    }
    throw error;
  }
  return view;
}
