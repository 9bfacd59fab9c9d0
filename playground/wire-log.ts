import { byId, make } from './dom.js';
import type { Exchange } from './exchange.js';
import { viewOf } from './exchange-view.js';
import { lineOf, verdictOn } from './messages.js';

const max = 60;

type Entry = { exchange: Exchange; details: HTMLDetailsElement; times: number };

/** The log of all requests, newest first. */
export function createWireLog(): { add(exchange: Exchange): void } {
  const list = byId('exchanges', HTMLOListElement);
  const empty = byId('no-exchanges', HTMLElement);
  const clear = byId('clear-exchanges', HTMLButtonElement);
  const verdict = byId('verdict', HTMLElement);
  let newest: Entry | undefined;
  let opened: Entry | undefined;
  let isAsked = false;

  for (const type of ['click', 'submit', 'change']) addEventListener(type, hearOfDoing, { capture: true });
  clear.addEventListener('click', () => {
    newest = opened = undefined;
    list.replaceChildren();
    showEmptiness();
  });

  function hearOfDoing({ target }: Event): void {
    if (!list.contains(target as Node)) isAsked = true;
  }

  function showEmptiness(): void {
    empty.hidden = list.childElementCount > 0;
    clear.hidden = !empty.hidden;
  }

  function add(exchange: Exchange): void {
    const repeated = newest && isRepetition(newest.exchange, exchange) ? newest : undefined;
    const times = repeated ? repeated.times + 1 : 1;
    const entry = { exchange, times, details: viewOf(exchange, times) };
    if (repeated) take(repeated, entry);
    else list.prepend(make('li', {}, entry.details));
    list.children[max]?.remove();
    newest = entry;
    showEmptiness();
    if (isByThePage(exchange) && !isRefused(exchange)) return;
    // Opens and explains what the user's action caused; other requests of the page are only listed.
    if (isAsked || (!repeated && isRefused(exchange))) layOpen(entry);
    isAsked = false;
  }

  /** Repetitions are one entry with a count. */
  function take(place: Entry, entry: Entry): void {
    entry.details.open = place.details.open;
    place.details.replaceWith(entry.details);
    if (opened === place) opened = entry;
  }

  function layOpen(entry: Entry): void {
    if (opened) opened.details.open = false;
    opened = entry;
    entry.details.open = true;
    const { exchange } = entry;
    verdict.replaceChildren(make('strong', {}, titleOf(exchange)), ` ${verdictOn(exchange)}`);
  }

  showEmptiness();
  return { add };
}

// A challenge only prepares what the user does, or waits in a field. The page fills its lists by itself, also just after
// the user did something else, which is what they want to see explained.
const byThePage = [
  'POST /auth/passkey/options',
  'GET /auth/sessions',
  'GET /me/sign-in-methods',
  'GET /me/api-keys',
  'GET /todos',
];

function isByThePage(exchange: Exchange): boolean {
  return byThePage.includes(lineOf(exchange));
}

function isRepetition(one: Exchange, other: Exchange): boolean {
  const key = ({ method, url, response }: Exchange) => `${method} ${url.href} ${response?.status}`;
  return other.method === 'GET' && key(one) === key(other);
}

function titleOf(exchange: Exchange): string {
  return `${lineOf(exchange)}: ${exchange.response?.status ?? 'no answer'}.`;
}

function isRefused({ response }: Exchange): boolean {
  return response === undefined || response.status >= 400;
}
