import { button, byId } from './dom.js';
import type { Gate } from './gate.js';
import { farewell } from './words.js';

/** The head of the page: whether the gate is open, for whom, and the ways out. */
export function createThreshold(gate: Gate): void {
  const state = byId('state', HTMLHeadingElement);
  const detail = byId('state-detail', HTMLElement);
  const out = byId('ways-out', HTMLElement);
  let isFirst = true;

  out.append(
    button('Log out', () => gate.client.logOut().catch(() => {})),
    button('Log out everywhere', logOutEverywhere, { class: 'plain' }),
  );

  async function logOutEverywhere(): Promise<void> {
    const answer = await gate.ask('POST /auth/logout-all');
    if (answer?.ok) await gate.leave();
  }

  gate.follow(({ session, before, reason }) => {
    if (session && before?.sessionId === session.sessionId) return;
    document.body.dataset.gate = session ? 'open' : 'closed';
    state.textContent = session ? 'The gate is open.' : 'The gate is closed.';
    detail.textContent = session ? welcomeOf(gate) : reason ? farewell(reason) : invitation;
    for (const part of document.querySelectorAll<HTMLElement>('[data-when]'))
      part.hidden = part.dataset.when !== document.body.dataset.gate;
    // Whoever came here by keyboard must not stand on a button that has gone.
    const here = document.activeElement;
    if (!isFirst && (!here || here === document.body || here.closest('[hidden]'))) state.focus();
    isFirst = false;
  });
}

const invitation = 'Sign up and it opens. A name and a password can be had at the press of a button.';

function welcomeOf({ session, transport }: Gate): string {
  const means = transport === 'bearer' ? 'a bearer token that this tab holds' : 'cookies that no script can read';
  return `You are ${session?.user.username}, let in by ${means}.`;
}
