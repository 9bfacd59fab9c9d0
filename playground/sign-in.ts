import { GatelatchError } from './client/dist/index.js';
import { logInWithPasskey, supportsPasskeys } from './client/dist/passkeys.js';
import { byId, make, onPress, onSubmit } from './dom.js';
import { meaningOf } from './messages.js';
import { createSecondStep } from './second-step.js';
import type { PlaygroundSession, Transport } from './session.js';
import { suggestPassword, suggestUsername } from './suggestions.js';

type Refusal = { code?: string; message: string; errors?: { path: string; message: string }[]; retryAfter?: number };

/** What other ways in need of the form. */
export type SignIn = {
  /** Runs a sign-in, and shows what goes wrong. */
  enter(work: () => Promise<unknown>): Promise<void>;
  /** Goes on with what a sign-in was refused for, if that is the second factor. */
  secondStepOf(error: unknown): Promise<undefined>;
  tellOfMail(): void;
  choose(intent: 'sign-up' | 'log-in'): void;
};

/**
 * The form that signs up and logs in.
 * @param expected the user named by a link, who has signed up already
 * @param onPassword gets the correct password
 */
export function createSignIn(
  playground: PlaygroundSession,
  expected: string | undefined,
  onPassword: (password: string) => void,
): SignIn {
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
  const byPasskey = byId('sign-in-passkey', HTMLButtonElement);
  const showSecondStep = createSecondStep(playground);
  let offering: AbortController | undefined;

  const chosen = (name: string) => String(new FormData(form).get(name));
  const isNew = () => chosen('intent') === 'sign-up';

  username.value = expected ?? suggestUsername();
  if (expected) choose('log-in');
  byId(`by-${playground.transport}`, HTMLInputElement).checked = true;
  follow();
  for (const radio of form.elements.namedItem('intent') as RadioNodeList) radio.addEventListener('change', follow);
  for (const radio of form.elements.namedItem('transport') as RadioNodeList)
    radio.addEventListener('change', () => playground.use(chosen('transport') as Transport).then(offerPasskeys));
  onSubmit(form, comeIn);
  onPress(byPasskey, () => enter(() => logInWithPasskey(playground.client)));
  void supportsPasskeys().then((isSupported) => {
    byPasskey.hidden = !isSupported;
  });

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
      offering?.abort();
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
    void offerPasskeys();
  }

  /** In the field for the username, while the page waits for a login. */
  async function offerPasskeys(): Promise<void> {
    offering?.abort();
    if (isNew() || playground.session || !(await supportsPasskeys({ conditional: true }))) return;
    offering = new AbortController();
    const { signal } = offering;
    await logInWithPasskey(playground.client, { conditional: true, signal }).catch((error) => {
      // Else the page itself ended it, or the browser can't, or there is no server.
      if (error instanceof GatelatchError) refuse(complaintsOf(error as Refusal));
    });
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

  function comeIn(): Promise<void> {
    const fields = { username: username.value.trim(), password: password.value };
    return enter(async () => {
      if (isNew()) await signUp(fields);
      else await playground.client.logIn(fields).catch(secondStepOf);
      onPassword(fields.password);
    });
  }

  async function enter(work: () => Promise<unknown>): Promise<void> {
    refuse([]);
    news.replaceChildren();
    try {
      await playground.use(chosen('transport') as Transport);
      await work();
    } catch (error) {
      const isUnwilling = error instanceof DOMException;
      refuse(isUnwilling ? [{ path: '', message: 'No passkey was given.' }] : complaintsOf(error as Refusal));
      void offerPasskeys();
    }
  }

  async function secondStepOf(error: unknown): Promise<undefined> {
    if (!(error instanceof GatelatchError) || error.code !== 'second_factor_required') throw error;
    await showSecondStep(error);
  }

  async function signUp(fields: { username: string; password: string }): Promise<void> {
    const result = await playground.client.signUp({ ...fields, ...(email.value && { email: email.value }) });
    if (result.status === 'verification_sent') tellOfMail();
  }

  function tellOfMail(): void {
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

  return { enter, secondStepOf, tellOfMail, choose };
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
