import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readPassword } from '../../../src/platform/cli/password-input.js';

describe('a password', () => {
  /** A terminal where a user types, and what it shows. */
  function terminal() {
    const keyboard = new PassThrough();
    const seen: string[] = [];
    const setRawMode = (raw: boolean) => void seen.push(raw ? '<echo off>' : '<echo on>');
    const screen = new Writable({ write: (chunk, _encoding, done) => done(void seen.push(String(chunk))) });
    const input = Object.assign(keyboard, { isTTY: true, setRawMode }) as unknown as NodeJS.ReadStream;
    return { keyboard, seen, password: readPassword(input, screen) };
  }

  it('is asked for twice on a terminal, which does not show it', async () => {
    const { keyboard, seen, password } = terminal();
    keyboard.write('correct horsX\u007fe\rcorrect horse\r');
    expect(await password).toBe('correct horse');
    expect(seen.join('')).toBe('<echo off>Password: \nPassword again: \n<echo on>');
  });

  it.each([
    ['two that differ', 'one\rother\r', 'The two passwords differ.'],
    ['Ctrl-C', 'on\u0003', 'Nothing was done.'],
    ['an empty one', '\r', 'There is no password on standard input.'],
  ])('is refused after %s, and the terminal echoes again', async (_what, keys, message) => {
    const { keyboard, seen, password } = terminal();
    keyboard.write(keys);
    await expect(password).rejects.toThrow(message);
    expect(seen.filter((text) => text.startsWith('<'))).toEqual(['<echo off>', '<echo on>']);
  });

  it.each([
    ['correct horse\nnext', 'correct horse'],
    ['correct horse\r\n', 'correct horse'],
    [' spaces stay  ', ' spaces stay  '],
    ['pässwört 🐎\n', 'pässwört 🐎'],
  ])('is the first line of piped input: %j', async (typed, password) => {
    const input = new PassThrough();
    input.end(typed);
    expect(await readPassword(input as unknown as NodeJS.ReadStream)).toBe(password);
  });
});
