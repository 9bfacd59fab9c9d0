import { expect } from 'vitest';
import { crowdPassword } from './crowd.js';

/** Of a server that was stopped in the end: nothing in it failed unforeseen, and it wrote down nothing secret. */
export function expectSoundLog(lines: string[]): void {
  const entries = entriesOf(lines);
  const unforeseen = entries.filter(({ msg, code }) => code === 'internal_error' || /^un(caught|handled)/.test(msg));
  expect(unforeseen).toEqual([]);
  expect(entries.some(({ msg }) => msg === 'stopped')).toBe(true);
  expect(lines.filter((line) => SECRETS.test(line))).toEqual([]);
}

// Passwords, their hashes, tokens of any kind, and the database's address, which may hold a password.
const SECRETS = new RegExp(`${crowdPassword}|\\$argon2|eyJ[\\w-]+\\.|postgresql://|[\\w-]{60,}`);

/** How long the server took for each request to this path, in milliseconds. */
export function requestsLogged(lines: string[], path: string): number[] {
  return entriesOf(lines)
    .filter((entry) => entry.path === path)
    .map(({ ms }) => ms);
}

// biome-ignore lint/suspicious/noExplicitAny: a line holds what it holds.
function entriesOf(lines: string[]): any[] {
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
}
