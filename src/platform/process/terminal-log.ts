import { stripVTControlCharacters, styleText } from 'node:util';
import type { DestinationStream } from 'pino';

type Entry = Record<string, unknown> & { level: number; time: string; msg?: string };
type Style = Parameters<typeof styleText>[0];
type Paint = (style: Style, text: string) => string;

/** For people at a terminal: one readable line for each of pino's JSON lines. An error has its stack below. */
export function terminalLog(terminal: NodeJS.WriteStream): DestinationStream {
  // Asks NO_COLOR and TERM, too.
  const paint: Paint = terminal.hasColors() ? (style, text) => styleText(style, text) : (_, text) => text;
  return { write: (line) => void terminal.write(`${readable(JSON.parse(line), paint)}\n`) };
}

/** One line without its line end. Control characters of a client do not reach the terminal. */
export function readable(entry: Entry, paint: Paint): string {
  const { level, time, msg = '', err, ...rest } = entry;
  const clock = paint('dim', new Date(time).toTimeString().slice(0, 8));
  if (msg === 'request') return `${clock} ${requestLine(rest, paint)}`;
  const { message, stack } = (err ?? {}) as { message?: string; stack?: string };
  const name = level >= 50 ? paint('red', 'ERROR ') : level >= 40 ? paint('yellow', 'WARN ') : '';
  const what = [plain(msg), message && plain(message)].filter(Boolean).join(': ');
  const trace = level >= 50 && stack ? `\n${stack.split('\n').map(plain).join('\n')}` : '';
  return `${clock} ${name}${what}${pairs(rest, paint)}${trace}`;
}

function requestLine(request: Record<string, unknown>, paint: Paint): string {
  const { method, path, status, ms, code, aborted } = request;
  const color = Number(status) >= 500 ? 'red' : Number(status) >= 400 ? 'yellow' : 'green';
  const remarks = [code, aborted && 'the client left before the response'].filter(Boolean);
  const end = remarks.length > 0 ? ` ${remarks.map(plain).join(', ')}` : '';
  return `${plain(method)} ${plain(path)} ${paint(color, plain(status))}${end} ${paint('dim', `${plain(ms)} ms`)}`;
}

function pairs(rest: Record<string, unknown>, paint: Paint): string {
  const shown = Object.entries(rest).filter(([, value]) => value !== undefined);
  return shown.map(([key, value]) => ` ${paint('dim', `${key}=`)}${plain(value)}`).join('');
}

function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
  return stripVTControlCharacters(text ?? '').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
