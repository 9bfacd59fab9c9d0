import { byId, make, onSubmit } from './dom.js';
import { meaningOf } from './messages.js';
import type { PlaygroundSession, Transport } from './session.js';
import { suggestPassword, suggestUsername } from './suggestions.js';

type Refusal = { code?: string; message: string; errors?: { path: string; message: string }[]; retryAfter?: number };

/**
 * The form that signs up and logs in.
 * @param expected the user named by a link, who has signed up already
 * @param onPassword gets the correct password
 */
export function createSignIn(
  playground: PlaygroundSession,
  expected: string | undefined,
  onPassword: (password: string) => void,
): void {
  const form = byId('sign-in-form', HTMLFormElement);
  const username = byId('username', HTMLInputElement);
  const password = byId('password', HTMLInputElement);
  const email = byId('email', HTMLInputElement);
  const addEmail = byId('add-email', HTMLButtonElement);
  const show = byId('show-password', HTMLButtonElement);
  const suggest = byId('suggest-password', HTMLButtonElement);
  const submit = byId('sign-in-submit', HTMLButtonElement);
  const refusal = byId('sign-in-refusal', HTMLElement);
  const news = byId('sign-in-news', HTMLElement);

  const chosen = (name: string) => String(new FormData(form).get(name));
  const isNew = () => chosen('intent') === 'sign-up';

  username.value = expected ?? suggestUsername();
  if (expected) choose('log-in');
  byId(`by-${playground.transport}`, HTMLInputElement).checked = true;
  follow();
  for (const radio of form.elements.namedItem('intent') as RadioNodeList) radio.addEventListener('change', follow);
  onSubmit(form, comeIn);

  addEmail.addEventListener('click', () => offerEmail(addEmail.ariaExpanded === 'false'));
  show.addEventListener('click', () => reveal(password.type === 'password'));
  suggest.addEventListener('click', () => {
    password.value = suggestPassword();
    reveal(true);
    submit.focus();
  });

  // A user who comes back will most likely log in.
  playground.follow(({ session, before }) => {
    if (session) {
      username.value = session.user.username;
      password.value = '';
      reveal(false);
    }
    if (before && !session) choose('log-in');
  });

  function choose(intent: 'sign-up' | 'log-in'): void {
    byId(intent, HTMLInputElement).checked = true;
    follow();
  }

  function follow(): void {
    password.autocomplete = isNew() ? 'new-password' : 'current-password';
    submit.textContent = isNew() ? 'Sign up' : 'Log in';
    suggest.hidden = !isNew();
    addEmail.hidden = !isNew();
    offerEmail(false);
    refuse([]);
  }

  function offerEmail(isWanted: boolean): void {
    byId('email-field', HTMLElement).hidden = !isWanted;
    addEmail.ariaExpanded = String(isWanted);
    if (isWanted) email.focus();
    else email.value = '';
  }

  function reveal(isShown: boolean): void {
    password.type = isShown ? 'text' : 'password';
    show.ariaPressed = String(isShown);
  }

  async function comeIn(): Promise<void> {
    refuse([]);
    news.replaceChildren();
    try {
      await playground.use(chosen('transport') as Transport);
      const fields = { username: username.value.trim(), password: password.value };
      if (isNew()) await signUp(fields);
      else await playground.client.logIn(fields);
      onPassword(fields.password);
    } catch (error) {
      refuse(complaintsOf(error as Refusal));
    }
  }

  async function signUp(fields: { username: string; password: string }): Promise<void> {
    const result = await playground.client.signUp({ ...fields, ...(email.value && { email: email.value }) });
    if (result.status === 'signed_in') return;
    news.replaceChildren(
      'A mail is on its way to you. Open its link, then log in. Without SMTP_URL it is a file in .data/mail.',
    );
    choose('log-in');
  }

  /** Shows errors at their fields, and moves the focus there. */
  function refuse(complaints: { path: string; message: string }[]): void {
    for (const field of [username, password, email]) field.ariaInvalid = null;
    refusal.replaceChildren(...complaints.map(({ message }) => make('span', {}, message)));
    if (complaints.some(({ path }) => path === 'email')) offerEmail(true);
    const wrong = complaints.flatMap(({ path }) => [username, password, email].find(({ name }) => name === path) ?? []);
    for (const field of wrong) field.ariaInvalid = 'true';
    wrong[0]?.focus();
  }
}

const fieldOfCode: Record<string, string> = {
  username_taken: 'username',
  email_taken: 'email',
  invalid_credentials: 'password',
};

function complaintsOf(refusal: Refusal): { path: string; message: string }[] {
  if (refusal.errors)
    return refusal.errors.map(({ path, message }) => ({ path, message: `${labelOf(path)}: ${message}` }));
  return [{ path: fieldOfCode[refusal.code ?? ''] ?? '', message: meaningOf(refusal) }];
}

function labelOf(path: string): string {
  return path === 'email' ? 'E-mail' : path.charAt(0).toUpperCase() + path.slice(1);
}
