import { type Args, UsageError } from './command.js';

/** The option of a command that lists. */
export const limit = {
  type: 'string',
  value: '<count>',
  summary: 'the most to list: 1 to 1000, by default 100',
} as const;

/** @throws UsageError if {@link limit} was given and is no such number */
export function typedLimit(args: Args): number {
  const typed = args.text('limit') ?? '100';
  if (/^\d{1,4}$/.test(typed) && Number(typed) >= 1 && Number(typed) <= 1000) return Number(typed);
  throw new UsageError('--limit takes a whole number from 1 to 1000.');
}
