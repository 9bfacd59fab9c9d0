import { button, byId, make } from './dom.js';
import { unreachable } from './messages.js';
import type { PlaygroundSession } from './session.js';

/** After the end of a session it knocks so often, and for so long, in milliseconds. */
const pause = 100;
const patience = 3_000;

/** A service that checks the access token by itself, on a server of its own: its door closes with the session. */
export function createOtherService(playground: PlaygroundSession, fetch: typeof globalThis.fetch, url: URL): void {
  const outcome = make('p', { id: 'other-outcome', role: 'status' });
  let token: string | undefined;

  const panel = make(
    'section',
    { class: 'panel', 'aria-labelledby': 'other-title' },
    make('h2', { id: 'other-title' }, 'Knock next door'),
    make('p', {}, `Another service, at ${url.host}, checks the same access token by itself. It hears what has ended.`),
    make('div', { class: 'row' }, button(`GET ${url.pathname} at ${url.host}`, tell)),
    outcome,
  );
  byId('doors-title', HTMLElement).closest('section')?.after(panel);

  playground.follow(({ session }) => {
    if (session) {
      token = session.accessToken;
      outcome.textContent = token ? '' : 'Your tokens are cookies of this server alone. None of them goes there.';
    } else if (token) void watchItClose();
  });

  /** @returns the code of a refusal, an empty one where the door is open, undefined without an answer */
  async function knock(): Promise<string | undefined> {
    try {
      const answer = await fetch(url, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
      if (answer.ok) return '';
      return (await answer.json()).code ?? String(answer.status);
    } catch {
      return undefined;
    }
  }

  async function tell(): Promise<void> {
    const refusal = await knock();
    if (refusal === undefined) outcome.textContent = unreachable;
    else outcome.textContent = refusal === '' ? 'It let you in.' : `It refused you: ${refusal}.`;
  }

  async function watchItClose(): Promise<void> {
    const ended = performance.now();
    const seconds = () => ((performance.now() - ended) / 1_000).toFixed(1);
    outcome.textContent = 'The session has ended here. And there?';
    while (performance.now() - ended < patience) {
      const refusal = await knock();
      if (refusal) {
        outcome.textContent = `It refused the same token ${seconds()} s after the session had ended: ${refusal}.`;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    outcome.textContent = `It has not heard of it in ${seconds()} s.`;
  }
}
