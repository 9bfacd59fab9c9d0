import { expect } from 'vitest';
import { simulatedPassword } from './crowd.js';

/** For the log of a server that has stopped: nothing failed unexpectedly, and no secret was logged. */
export function expectSoundLog(lines: string[]): void {
  const entries = entriesOf(lines);
  const unforeseen = entries.filter(({ msg, code }) => code === 'internal_error' || /^un(caught|handled)/.test(msg));
  expect(unforeseen).toEqual([]);
  expect(entries.some(({ msg }) => msg === 'stopped')).toBe(true);
  expect(lines.filter((line) => SECRETS.test(line))).toEqual([]);
}

// Passwords, their hashes, tokens of any kind, and database URLs, which may contain a password.
const SECRETS = new RegExp(`${simulatedPassword}|\\$argon2|eyJ[\\w-]+\\.|postgresql://|[\\w-]{60,}`);

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
