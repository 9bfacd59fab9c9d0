import { type Fact, takeApart } from './claims.js';
import type { Session } from './client/dist/index.js';
import { byId, make, onPress } from './dom.js';
import type { PlaygroundSession } from './session.js';

/** The access token: its parts, their content and the time left. */
export function createAccessToken(playground: PlaygroundSession): void {
  const parts = byId('token-parts', HTMLElement);
  const facts = byId('token-facts', HTMLElement);
  const hidden = byId('token-hidden', HTMLElement);
  const left = byId('life-left', HTMLElement);
  const bar = byId('life-bar', HTMLProgressElement);

  onPress(byId('refresh', HTMLButtonElement), () => playground.client.refresh().catch(() => {}));
  setInterval(tick, 1_000);

  playground.follow(({ session }) => {
    if (!session) return;
    bar.max = Math.max(1, secondsLeft(session));
    hidden.hidden = session.accessToken !== undefined;
    parts.hidden = facts.hidden = !hidden.hidden;
    if (session.accessToken) show(session.accessToken);
    tick();
  });

  function show(token: string): void {
    const { parts: texts, facts: told } = takeApart(token);
    const names = ['header', 'claims', 'signature'];
    parts.replaceChildren(
      ...texts.map((text, n) => make('span', { class: `part ${names[n]}` }, `${n ? '.' : ''}${text}`)),
    );
    facts.replaceChildren(
      tableOf('Header', 'header', told.header),
      tableOf('Claims', 'claims', told.claims),
      make('p', { class: 'signature' }, make('strong', {}, 'Signature. '), signature),
    );
  }

  function tick(): void {
    if (!playground.session) return;
    bar.value = secondsLeft(playground.session);
    left.textContent = bar.value > 0 ? inWords(bar.value) : 'run out; the next request refreshes it';
  }
}

function secondsLeft({ expiresAt }: Session): number {
  return Math.max(0, Math.round((expiresAt.getTime() - Date.now()) / 1_000));
}

const signature =
  'Made with the server’s private key over the two parts before it. Any service with the public keys can check it.';

function inWords(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${minutes > 0 ? `${minutes} min ` : ''}${seconds % 60} s left`;
}

function tableOf(caption: string, part: string, facts: Fact[]): HTMLTableElement {
  const rows = facts.map(({ name, value, meaning }) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, make('code', {}, name)),
      make('td', {}, make('code', {}, value), make('span', { class: 'meaning' }, meaning)),
    ),
  );
  return make('table', { class: part }, make('caption', {}, caption), make('tbody', {}, ...rows));
}
