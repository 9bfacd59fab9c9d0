import { byId, make, onPress } from './dom.js';
import type { Gate } from './gate.js';

const pause = 1_000;
const most = 40;

/** The protected routes to knock at, once or again and again: so an ending is seen the moment it is felt. */
export function createDoors(gate: Gate): void {
  const keep = byId('keep-knocking', HTMLInputElement);
  const strip = byId('knocks', HTMLElement);
  const count = byId('knock-count', HTMLElement);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const counts = { let: 0, refused: 0 };

  onPress(byId('knock', HTMLButtonElement), () => gate.ask('GET /welcome'));
  onPress(byId('who-am-i', HTMLButtonElement), () => gate.ask('GET /me'));
  keep.addEventListener('change', () => (keep.checked ? knock() : rest()));

  async function knock(): Promise<void> {
    clearTimeout(timer);
    const answer = await gate.ask('GET /welcome');
    note(answer?.status);
    // Nobody learns anything from a closed gate that stays closed.
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
    if (strip.childElementCount > most) strip.firstElementChild?.remove();
    count.textContent = `${counts.let} × let in, ${counts.refused} × refused`;
  }
}
