import { button, byId } from './dom.js';
import { farewell } from './messages.js';
import type { PlaygroundSession } from './session.js';

/** The head of the page: whether a user is signed in, who, and the buttons to log out. */
export function createHeader(playground: PlaygroundSession): void {
  const state = byId('state', HTMLHeadingElement);
  const detail = byId('state-detail', HTMLElement);
  const out = byId('ways-out', HTMLElement);
  let isFirst = true;

  out.append(
    button('Log out', () => playground.client.logOut().catch(() => {})),
    button('Log out everywhere', logOutEverywhere, { class: 'plain' }),
  );

  async function logOutEverywhere(): Promise<void> {
    const answer = await playground.ask('POST /auth/logout-all');
    if (answer?.ok) await playground.leave();
  }

  playground.follow(({ session, before, reason }) => {
    if (session && before?.sessionId === session.sessionId) return;
    document.body.dataset.gate = session ? 'open' : 'closed';
    state.textContent = session ? 'The gate is open.' : 'The gate is closed.';
    detail.textContent = session ? welcomeOf(playground) : reason ? farewell(reason) : invitation;
    for (const part of document.querySelectorAll<HTMLElement>('[data-when]'))
      part.hidden = part.dataset.when !== document.body.dataset.gate;
    // The focus must not stay on a button that is gone (keyboard users).
    const here = document.activeElement;
    if (!isFirst && (!here || here === document.body || here.closest('[hidden]'))) state.focus();
    isFirst = false;
  });
}

const invitation = 'Sign up and it opens. A name and a password can be had at the press of a button.';

function welcomeOf({ session, transport }: PlaygroundSession): string {
  const means = transport === 'bearer' ? 'a bearer token that this tab holds' : 'cookies that no script can read';
  return `You are ${session?.user.username}, let in by ${means}.`;
}
