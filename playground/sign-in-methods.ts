import { addPasskey, removePasskey, supportsPasskeys } from './client/dist/passkeys.js';
import type { Identity } from './client/dist/providers.js';
import { button, byId, make, onPress, onSubmit } from './dom.js';
import { meaningOf } from './messages.js';
import type { Proven } from './proof.js';
import { type PlaygroundSession, refusalOf } from './session.js';

type Listed = { id: string; name: string; last_used_at: string | null };
type Passkey = Listed & { credential_id: string; rp_id: string; synced: boolean };
type Methods = {
  password: boolean;
  second_factor: 'off' | 'any' | 'passkey';
  totp: Listed[];
  passkeys: Passkey[];
  identities: Identity[];
  recovery_codes: { left: number } | null;
  trusted_devices: unknown[];
};

export type SignInMethods = {
  /** Runs what changes them, shows what goes wrong, and then the list. */
  attempt(work: () => Promise<unknown>): Promise<void>;
};

/** The user's ways to sign in: a list with buttons to remove them, and what adds one. */
export function createSignInMethods(playground: PlaygroundSession, proven: Proven): SignInMethods {
  const list = byId('method-list', HTMLUListElement);
  const state = byId('second-factor-state', HTMLElement);
  const toggle = byId('toggle-second-factor', HTMLButtonElement);
  const newCodes = byId('new-recovery-codes', HTMLButtonElement);
  const refusal = byId('methods-refusal', HTMLElement);
  const totpForm = byId('totp-form', HTMLFormElement);
  const totpCode = byId('totp-code', HTMLInputElement);
  const codes = byId('recovery-codes', HTMLElement);
  let isOn = false;
  let totpId = '';

  onPress(byId('add-totp', HTMLButtonElement), () => attempt(beginTotp));
  onSubmit(totpForm, () => attempt(confirmTotp));
  byId('totp-cancel', HTMLButtonElement).addEventListener('click', hideTotp);
  onPress(byId('add-passkey', HTMLButtonElement), () =>
    attempt(async () => {
      const added = await proven((password) => addPasskey(playground.client, password ? { password } : {}));
      showCodes(added?.recovery_codes);
    }),
  );
  onPress(newCodes, () => attempt(async () => showCodes((await send('POST /me/recovery-codes', {}))?.recovery_codes)));
  onPress(toggle, () => attempt(() => send('PATCH /me/sign-in-methods', { second_factor: isOn ? 'off' : 'any' })));
  byId('recovery-codes-kept', HTMLButtonElement).addEventListener('click', hideCodes);
  void supportsPasskeys().then((isSupported) => {
    byId('add-passkey', HTMLButtonElement).hidden = !isSupported;
  });

  playground.follow(({ session, before }) => {
    if (session?.sessionId === before?.sessionId) return;
    list.replaceChildren();
    refusal.textContent = '';
    hideTotp();
    hideCodes();
    if (session) void load();
  });

  async function attempt(work: () => Promise<unknown>): Promise<void> {
    refusal.textContent = '';
    try {
      await work();
      await load();
    } catch (error) {
      const isUnwilling = error instanceof DOMException;
      refusal.replaceChildren(make('span', {}, isUnwilling ? 'No passkey was made.' : meaningOf(error as Error)));
    }
  }

  /** A request that may need a proof. */
  function send(line: string, body: object) {
    return proven(async (password) => {
      const answer = await playground.ask(line, { ...body, ...(password && { password }) });
      if (!answer?.ok) throw refusalOf(answer);
      return answer.body;
    });
  }

  async function beginTotp(): Promise<void> {
    const enrolment = await send('POST /me/totp', {});
    if (!enrolment) return;
    totpId = enrolment.id;
    byId('totp-qr', HTMLImageElement).src = `data:image/svg+xml,${encodeURIComponent(enrolment.qr_svg)}`;
    byId('totp-secret', HTMLElement).textContent = enrolment.secret;
    totpCode.value = '';
    totpForm.hidden = false;
    totpCode.focus();
  }

  async function confirmTotp(): Promise<void> {
    const answer = await playground.ask(`POST /me/totp/${totpId}/confirm`, { code: totpCode.value });
    if (!answer?.ok) throw refusalOf(answer);
    hideTotp();
    showCodes(answer.body.recovery_codes);
    // Its token says from now on that there were two factors.
    await playground.client.refresh().catch(() => {});
  }

  function hideTotp(): void {
    totpForm.hidden = true;
    byId('totp-qr', HTMLImageElement).removeAttribute('src');
    byId('totp-secret', HTMLElement).textContent = '';
  }

  function showCodes(told: string[] | undefined): void {
    if (!told) return;
    byId('recovery-code-list', HTMLUListElement).replaceChildren(...told.map((code) => make('li', {}, code)));
    codes.hidden = false;
    byId('recovery-codes-title', HTMLElement).focus();
  }

  function hideCodes(): void {
    codes.hidden = true;
    byId('recovery-code-list', HTMLUListElement).replaceChildren();
  }

  async function load(): Promise<void> {
    const answer = await playground.ask('GET /me/sign-in-methods');
    if (answer?.ok) show(answer.body);
  }

  function show(methods: Methods): void {
    const { totp, passkeys, identities, recovery_codes: recovery, trusted_devices: devices } = methods;
    isOn = methods.second_factor !== 'off';
    state.textContent = isOn
      ? 'Your second factor is on: a password alone opens nothing.'
      : 'Your second factor is off. An authenticator app turns it on.';
    toggle.textContent = isOn ? 'Turn it off' : 'Turn it on';
    toggle.hidden = totp.length + passkeys.length === 0;
    newCodes.hidden = toggle.hidden;
    list.replaceChildren(
      ...(methods.password ? [itemOf('Password', '')] : []),
      ...totp.map((one) =>
        itemOf(one.name, `authenticator app, ${usedAt(one)}`, () => send(`DELETE /me/totp/${one.id}`, {})),
      ),
      ...passkeys.map((one) =>
        itemOf(one.name, `passkey${one.synced ? ', synced' : ' of this device'}, ${usedAt(one)}`, () =>
          proven((password) => removePasskey(playground.client, one, password ? { password } : {})),
        ),
      ),
      ...identities.map((one) =>
        itemOf(one.email ?? one.name ?? 'Somebody', `${one.provider}, ${usedAt(one)}`, () =>
          send(`DELETE /me/identities/${one.id}`, {}),
        ),
      ),
      ...(recovery ? [itemOf('Recovery codes', `${recovery.left} left`)] : []),
      ...(devices.length > 0
        ? [itemOf('Remembered devices', `${devices.length}`, () => playground.ask('DELETE /me/trusted-devices'))]
        : []),
    );
  }

  function itemOf(name: string, meaning: string, remove?: () => Promise<unknown>): HTMLLIElement {
    const about = make('div', {}, make('strong', {}, name), make('span', { class: 'meaning' }, meaning));
    const ways = remove
      ? [button('Remove', () => attempt(remove), { class: 'plain', 'aria-label': `Remove ${name}` })]
      : [];
    return make('li', {}, about, ...ways);
  }

  return { attempt };
}

function usedAt({ last_used_at: used }: { last_used_at: string | null }): string {
  return used ? `last used at ${new Date(used).toLocaleTimeString()}` : 'not used yet';
}
