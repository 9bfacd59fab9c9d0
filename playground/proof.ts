import type { GatelatchError } from './client/dist/index.js';
import { askForPasskey, supportsPasskeys } from './client/dist/passkeys.js';
import { byId, onPress, onSubmit } from './dom.js';
import { meaningOf } from './messages.js';
import type { PlaygroundSession } from './session.js';

/** Runs what may need a proof that it is the user: it is asked for when the server wants it, and the work repeated. */
export type Proven = <Result>(work: (password?: string) => Promise<Result>) => Promise<Result | undefined>;

type Refusal = Partial<GatelatchError> & { message: string };

/** The window that asks the user to prove anew who they are. */
export function createProof(playground: PlaygroundSession): Proven {
  const dialog = byId('proof', HTMLDialogElement);
  const form = byId('proof-form', HTMLFormElement);
  const codeField = byId('proof-code-field', HTMLElement);
  const password = byId('proof-password', HTMLInputElement);
  const code = byId('proof-code', HTMLInputElement);
  const refusal = byId('proof-refusal', HTMLElement);
  const byPasskey = byId('proof-passkey', HTMLButtonElement);
  let attempt: (passkey: boolean) => Promise<unknown> = async () => {};

  onSubmit(form, () => tryIt(false));
  onPress(byPasskey, () => tryIt(true));
  byId('proof-cancel', HTMLButtonElement).addEventListener('click', () => dialog.close());
  // Only while it is open: a password manager must not take it for the login.
  form.remove();
  playground.follow(({ session }) => {
    if (!session) dialog.close();
  });

  async function tryIt(passkey: boolean): Promise<void> {
    refusal.textContent = '';
    try {
      await attempt(passkey);
      dialog.close();
    } catch (error) {
      refusal.textContent = complaintOf(error as Refusal);
    }
  }

  /** Resolves when the window closes: with the result, or undefined if the user does not want to. */
  async function ask<Result>(
    isStepUp: boolean,
    work: (password?: string) => Promise<Result>,
  ): Promise<Result | undefined> {
    let result: Result | undefined;
    attempt = async (passkey) => {
      const typed = password.value;
      if (passkey) await playground.client.reauthenticate({ passkey: await askForPasskey(playground.client) });
      else if (isStepUp)
        await playground.client.reauthenticate({ password: typed, ...(code.value && { code: code.value }) });
      result = await work(isStepUp || passkey ? undefined : typed);
    };
    refusal.textContent = password.value = code.value = '';
    codeField.hidden = !isStepUp;
    byPasskey.hidden = !(isStepUp && (await supportsPasskeys()));
    dialog.append(form);
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
    password.value = code.value = '';
    form.remove();
    return result;
  }

  return async (work) => {
    try {
      return await work();
    } catch (error) {
      const { code, errors } = error as Refusal;
      if (code === 'insufficient_user_authentication') return ask(true, work);
      if (errors?.some(({ path }) => path === 'password')) return ask(false, work);
      throw error;
    }
  };
}

function complaintOf(refusal: Refusal): string {
  if ((refusal as unknown) instanceof DOMException) return 'No passkey was given.';
  return refusal.errors?.[0]?.message ?? meaningOf(refusal);
}
