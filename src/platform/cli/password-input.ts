import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { CommandError, UsageError } from './command.js';

/**
 * Reads a new password: twice and without echo on a terminal, else the first line of standard input.
 * @param prompt receives the questions; standard output is for the result only
 * @throws UsageError, CommandError
 */
export async function readPassword(input: NodeJS.ReadStream, prompt: Writable = process.stderr): Promise<string> {
  const password = input.isTTY ? await askTwice(input, prompt) : await firstLine(input);
  if (password === '') throw new UsageError('There is no password on standard input. Or use --generate-password.');
  return password;
}

async function askTwice(terminal: ReadStream, prompt: Writable): Promise<string> {
  // Readline writes what is typed to a stream that drops it. It turns off the terminal's echo once for both questions,
  // so that early typing stays hidden too.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: terminal, output: nowhere, terminal: true, historySize: 0 });
  const lines = reader[Symbol.asyncIterator]();
  try {
    const password = await ask('Password: ', lines, prompt);
    if (password !== '' && (await ask('Password again: ', lines, prompt)) !== password)
      throw new CommandError('The two passwords differ.');
    return password;
  } finally {
    reader.close();
  }
}

async function ask(question: string, lines: AsyncIterator<string>, prompt: Writable): Promise<string> {
  prompt.write(question);
  const { done, value } = await lines.next();
  prompt.write('\n');
  if (done) throw new CommandError('Nothing was done.');
  return value;
}

async function firstLine(input: NodeJS.ReadStream): Promise<string> {
  let text = '';
  for await (const chunk of input.setEncoding('utf8')) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return text.split(/\r?\n/, 1).join('');
}
