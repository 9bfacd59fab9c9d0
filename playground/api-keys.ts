import { takeApart } from './claims.js';
import { type ApiKey, endApiKey, listApiKeys, makeApiKey } from './client/dist/api-keys.js';
import { button, byId, make, onPress, onSubmit } from './dom.js';
import { meaningOf } from './messages.js';
import type { Proven } from './proof.js';
import type { PlaygroundSession } from './session.js';

const day = 86_400;
// With cookies no script can read the token, so these are what every person has.
const ofEverybody = 'profile:read todos:read todos:write';

/** The user's API keys: a list with buttons to end them, and a form that makes one and shows it once. */
export function createApiKeys(playground: PlaygroundSession, proven: Proven): void {
  const list = byId('key-list', HTMLUListElement);
  const name = byId('key-name', HTMLInputElement);
  const days = byId('key-days', HTMLInputElement);
  const scopes = byId('key-scopes', HTMLElement);
  const refusal = byId('key-refusal', HTMLElement);
  const made = byId('new-key', HTMLElement);
  const text = byId('new-key-text', HTMLElement);
  const copy = byId('copy-key', HTMLButtonElement);

  onSubmit(byId('key-form', HTMLFormElement), () => attempt(makeOne));
  onPress(copy, () => navigator.clipboard.writeText(text.textContent ?? '').catch(() => {}));
  byId('key-kept', HTMLButtonElement).addEventListener('click', () => {
    hide();
    name.focus();
  });
  copy.hidden = !navigator.clipboard;

  playground.follow(({ session, before }) => {
    if (session?.sessionId === before?.sessionId) return;
    list.replaceChildren();
    refusal.textContent = '';
    hide();
    if (!session) return;
    const { accessToken } = session;
    const scope = accessToken && takeApart(accessToken).facts.claims.find((fact) => fact.name === 'scope')?.value;
    scopes.replaceChildren(...(scope || ofEverybody).split(' ').map(boxOf));
    void load();
  });

  async function attempt(work: () => Promise<unknown>): Promise<void> {
    refusal.textContent = '';
    try {
      await work();
    } catch (error) {
      refusal.replaceChildren(make('span', {}, meaningOf(error as Error)));
    }
    await load();
  }

  async function makeOne(): Promise<void> {
    const ticked = [...scopes.querySelectorAll<HTMLInputElement>(':checked')].map(({ value }) => value);
    const fields = { name: name.value, scopes: ticked, expiresIn: Number(days.value) * day };
    const key = await proven((password) => makeApiKey(playground.client, { ...fields, ...(password && { password }) }));
    if (!key) return;
    text.textContent = key.key;
    made.hidden = false;
    name.value = '';
    byId('new-key-title', HTMLElement).focus();
  }

  function hide(): void {
    made.hidden = true;
    text.textContent = '';
  }

  async function load(): Promise<void> {
    // Without an answer the list stays as it is; the log shows why.
    const keys = await listApiKeys(playground.client).catch(() => undefined);
    if (keys) list.replaceChildren(...keys.map(itemOf));
  }

  function itemOf(key: ApiKey): HTMLLIElement {
    const end = () => attempt(() => endApiKey(playground.client, key.id));
    const until = key.expires_at ? `until ${new Date(key.expires_at).toLocaleDateString()}` : 'without an end';
    return make(
      'li',
      {},
      make(
        'div',
        {},
        make('strong', {}, key.name),
        make('span', { class: 'meaning' }, `${key.start}…, ${key.scopes.join(' ')}, ${until}`),
      ),
      button('End', end, { class: 'plain', 'aria-label': `End the key ${key.name}` }),
    );
  }
}

function boxOf(scope: string): HTMLLabelElement {
  const box = make('input', { type: 'checkbox', value: scope, checked: scope.endsWith(':read') });
  return make('label', { class: 'tick' }, box, make('span', { class: 'steady' }, scope));
}
