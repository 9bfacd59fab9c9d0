import { randomBytes } from 'node:crypto';
import type { Person } from './person.js';

// So that four characters and a hyphen fit behind it.
const longestBase = 27;

/** A username that is likely to be free: of the address, else of the name at the provider, with four random characters. */
export function newUsername({ email, name, provider }: Person): string {
  const said = email?.split('@')[0] ?? name ?? provider;
  const base = said
    .normalize('NFKD')
    .replaceAll(/[^\w.-]+/g, '')
    .slice(0, longestBase);
  return `${base || provider.slice(0, longestBase)}-${randomBytes(2).toString('hex')}`;
}
