import type { GatelatchError } from './client/dist/index.js';
import { askForPasskey, supportsPasskeys } from './client/dist/passkeys.js';
import { byId, make, onPress, onSubmit } from './dom.js';
import { meaningOf } from './messages.js';
import type { PlaygroundSession } from './session.js';

type Answer = Parameters<PlaygroundSession['client']['secondFactor']>[0];

/** The second step of a login. @returns what shows it */
export function createSecondStep(playground: PlaygroundSession): (refusal: GatelatchError) => Promise<void> {
  const first = byId('sign-in-form', HTMLFormElement);
  const form = byId('second-step', HTMLFormElement);
  const field = byId('second-step-field', HTMLElement);
  const code = byId('second-step-code', HTMLInputElement);
  const remember = byId('remember-device', HTMLInputElement);
  const refusal = byId('second-step-refusal', HTMLElement);
  const byPasskey = byId('second-step-passkey', HTMLButtonElement);

  onSubmit(form, () => give(async () => ({ code: code.value })));
  onPress(byPasskey, () => give(async () => ({ passkey: await askForPasskey(playground.client) })));
  byId('second-step-back', HTMLButtonElement).addEventListener('click', goBack);
  playground.follow(({ session }) => {
    if (session) goBack();
  });

  async function give(factor: () => Promise<Answer>): Promise<void> {
    refusal.replaceChildren();
    try {
      await playground.client.secondFactor({ ...(await factor()), rememberDevice: remember.checked });
    } catch (error) {
      const message = error instanceof DOMException ? 'No passkey was given.' : meaningOf(error as Error);
      refusal.replaceChildren(make('span', {}, message));
      code.select();
    }
  }

  function goBack(): void {
    form.hidden = true;
    first.hidden = false;
    code.value = '';
    remember.checked = false;
    refusal.replaceChildren();
  }

  return async ({ methods = [] }) => {
    byPasskey.hidden = !(methods.includes('passkey') && (await supportsPasskeys()));
    field.hidden = methods.every((method) => method === 'passkey');
    first.hidden = true;
    form.hidden = false;
    if (field.hidden) byId('second-step-title', HTMLElement).focus();
    else code.focus();
  };
}
