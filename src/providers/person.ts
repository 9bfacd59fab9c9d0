import type { PersonAtProvider } from '../sessions/external.js';
import { emailSchema } from '../users/fields.js';

/** Someone whom a provider has told us of. */
export type Person = PersonAtProvider & {
  provider: string;
  /** Whether the address counts as verified: then, and only then, it says something about users here. */
  isVouchedFor: boolean;
  acr: 'aal1' | 'aal2';
};

/** What is no address here is none. */
export function emailOf(email: unknown): string | null {
  return emailSchema.safeParse(email).data ?? null;
}

/** Without what could not be kept or shown. */
export function nameOf(name: unknown): string | null {
  if (typeof name !== 'string') return null;
  const shown = name.replaceAll(/\p{C}+/gu, ' ').trim();
  // By characters: half of one could not be kept.
  return [...shown].slice(0, 100).join('').trim() || null;
}
