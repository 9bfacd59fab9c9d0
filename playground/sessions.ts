import { deviceOf } from './device.js';
import { button, byId, make, onPress } from './dom.js';
import type { PlaygroundSession } from './session.js';

type Listed = { id: string; last_used_at: string; ip: string | null; user_agent: string | null; current: boolean };

/** The user's sessions, each with a button to end it, and a link to start another. */
export function createSessions(playground: PlaygroundSession): { offerPassword(password: string): void } {
  const list = byId('session-list', HTMLUListElement);
  const second = byId('second-session', HTMLAnchorElement);
  const copy = byId('copy-password', HTMLButtonElement);
  let password = '';

  onPress(byId('reload-sessions', HTMLButtonElement), load);
  onPress(copy, () => navigator.clipboard.writeText(password).catch(() => {}));
  // The user may have started or ended a session in another tab, even this one.
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && playground.session) void load();
  });

  playground.follow(({ session, before }) => {
    if (session?.sessionId === before?.sessionId) return;
    list.replaceChildren();
    if (!session) return offerPassword('');
    second.href = `#as=${encodeURIComponent(session.user.username)}`;
    byId('second-session-how', HTMLElement).hidden = playground.transport === 'cookie';
    byId('second-session-not', HTMLElement).hidden = playground.transport === 'bearer';
    void load();
  });

  function offerPassword(typed: string): void {
    password = typed;
    copy.hidden = typed === '' || !navigator.clipboard;
  }

  async function load(): Promise<void> {
    const answer = await playground.ask('GET /auth/sessions');
    if (answer?.ok) list.replaceChildren(...answer.body.data.map(itemOf));
  }

  async function end({ id, current }: Listed): Promise<void> {
    const ended = await playground.ask(`DELETE /auth/sessions/${id}`);
    if (current && ended?.ok) await playground.leave();
    else await load();
  }

  function itemOf(session: Listed): HTMLLIElement {
    const { user_agent: userAgent, ip, current, last_used_at: lastUsed } = session;
    const device = deviceOf(userAgent);
    const used = new Date(lastUsed).toLocaleTimeString();
    return make(
      'li',
      current ? { class: 'current' } : {},
      make(
        'div',
        {},
        make('strong', {}, device),
        ...(current ? [' ', make('span', { class: 'badge' }, 'this one')] : []),
        make(
          'span',
          { class: 'meaning' },
          `${ip ?? 'address unknown'}, last refreshed at `,
          make('time', { datetime: lastUsed }, used),
        ),
      ),
      button('End', () => end(session), {
        class: 'plain',
        'aria-label': `End the session ${current ? 'of this tab' : `of ${used}`}`,
      }),
    );
  }

  return { offerPassword };
}
