import { curlOf, properCase } from './curl.js';
import { button, make } from './dom.js';
import { type Exchange, jsonOf } from './exchange.js';
import { unreachable, verdictOn } from './messages.js';
import { redacted, withoutPasswords } from './redact.js';

/** An exchange that unfolds: its meaning, request, response and curl command. @param times how often it was repeated */
export function viewOf(exchange: Exchange, times: number): HTMLDetailsElement {
  return make('details', {}, summaryOf(exchange, times), ...contentOf(exchange));
}

function summaryOf({ method, url, response, milliseconds }: Exchange, times: number): HTMLElement {
  const isGood = response !== undefined && response.status < 400;
  const status = response ? `${response.status} ${response.reason}`.trim() : 'no answer';
  return make(
    'summary',
    {},
    make('span', { class: 'method' }, method),
    ' ',
    make('span', { class: 'path' }, url.pathname + url.search),
    ' ',
    ...(times > 1 ? [make('span', { class: 'times' }, `× ${times}`), ' '] : []),
    make('span', { class: isGood ? 'status good' : 'status refused' }, status),
    ' ',
    make('span', { class: 'took' }, `${Math.max(1, Math.round(milliseconds))} ms`),
  );
}

function contentOf(exchange: Exchange): HTMLElement[] {
  const { response } = exchange;
  const code = jsonOf(exchange)?.code;
  const request = make('pre', { class: 'request' });
  const answer = make('pre', { class: 'answer' });
  const curl = make('pre', { class: 'curl' });
  const texts = { request: requestText(exchange), answer: answerText(exchange), curl: curlOf(exchange) };
  let isBare = false;

  function show(): void {
    const cover = isBare ? (text: string) => text : redacted;
    request.textContent = cover(texts.request);
    answer.textContent = cover(texts.answer);
    curl.textContent = cover(texts.curl);
  }

  // A copy to paste needs the whole token, but a password only if it is shown.
  const copied = () => (isBare ? texts.curl : withoutPasswords(texts.curl));
  const hides = Object.values(texts).some((text) => redacted(text) !== text);
  const reveal = make('button', { type: 'button', 'aria-pressed': 'false', click: toggle }, 'Show secrets');
  function toggle(): void {
    isBare = !isBare;
    reveal.ariaPressed = String(isBare);
    show();
  }

  show();
  return [
    make('p', { class: 'words' }, verdictOn(exchange), ...(code ? [' ', make('code', {}, code)] : [])),
    make('h3', {}, 'Request'),
    request,
    ...(exchange.cookies ? [aside('The browser adds Origin and its cookies, which no script can read.')] : []),
    ...(response ? [make('h3', {}, 'Answer'), answer] : []),
    make('h3', {}, 'The same with curl'),
    curl,
    make('p', { class: 'tools' }, copyButton(copied, curl), ...(hides ? [reveal] : [])),
  ];
}

function aside(text: string): HTMLElement {
  return make('p', { class: 'aside' }, text);
}

function copyButton(text: () => string, shown: HTMLElement): HTMLButtonElement {
  const made = button('Copy curl', async () => {
    try {
      await navigator.clipboard.writeText(text());
      made.textContent = 'Copied';
      setTimeout(() => (made.textContent = 'Copy curl'), 2_000);
    } catch {
      // Not allowed over plain HTTP from another machine: select the text for copying by hand.
      getSelection()?.selectAllChildren(shown);
    }
  });
  return made;
}

function requestText({ method, url, request }: Exchange): string {
  return message(`${method} ${url.pathname}${url.search}`, request);
}

function answerText({ response }: Exchange): string {
  return response ? message(`${response.status} ${response.reason}`.trim(), response) : unreachable;
}

function message(firstLine: string, { headers, body }: Exchange['request']): string {
  const lines = headers.map(([name, value]) => `${properCase(name)}: ${value}`);
  return [firstLine, ...lines, ...(body === '' ? [] : ['', indented(body)])].join('\n');
}

function indented(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
