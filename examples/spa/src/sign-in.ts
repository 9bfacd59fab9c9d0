import { GatelatchError } from '@gatelatch/client';
import { client } from './client.js';
import { copyOf, find, telling } from './page.js';

/** The form to log in or sign up. Success is reported by the event `signedIn`. */
export function signInView(): DocumentFragment {
  const view = copyOf('sign-in');
  const form = find<HTMLFormElement>(view, 'form');
  const alert = find(view, '[role=alert]');
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const { username, password } = Object.fromEntries(new FormData(form)) as Record<string, string>;
    const wanted = (event.submitter as HTMLButtonElement).value as 'logIn' | 'signUp';
    telling(alert, () => client[wanted]({ username: `${username}`, password: `${password}` }).catch(explain));
  });
  return view;
}

/** The errors of the fields say more than the general message. */
function explain(error: unknown): never {
  if (error instanceof GatelatchError && error.errors)
    throw new Error(error.errors.map(({ message }) => message).join(' '));
  throw error;
}
