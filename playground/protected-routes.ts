import { byId, make, onPress } from './dom.js';
import type { PlaygroundSession } from './session.js';

const pause = 1_000;
const max = 40;

/** Requests to protected routes, once or repeated: the repeated ones show the moment when a session ends. */
export function createProtectedRoutes(playground: PlaygroundSession): void {
  const keep = byId('keep-knocking', HTMLInputElement);
  const strip = byId('knocks', HTMLElement);
  const count = byId('knock-count', HTMLElement);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const counts = { let: 0, refused: 0 };

  onPress(byId('knock', HTMLButtonElement), () => playground.ask('GET /welcome'));
  onPress(byId('who-am-i', HTMLButtonElement), () => playground.ask('GET /me'));
  keep.addEventListener('change', () => (keep.checked ? knock() : rest()));

  async function knock(): Promise<void> {
    clearTimeout(timer);
    const answer = await playground.ask('GET /welcome');
    note(answer?.status);
    // After a refusal, more requests show nothing new.
    if (keep.checked && answer?.ok) timer = setTimeout(knock, pause);
    else rest();
  }

  function rest(): void {
    clearTimeout(timer);
    keep.checked = false;
  }

  function note(status: number | undefined): void {
    counts[status === 200 ? 'let' : 'refused'] += 1;
    strip.append(make('span', { class: status === 200 ? 'knock good' : 'knock refused' }));
    if (strip.childElementCount > max) strip.firstElementChild?.remove();
    count.textContent = `${counts.let} × let in, ${counts.refused} × refused`;
  }
}
