import { UsageError } from './command.js';

type Parsed<T> = { success: true; data: T } | { success: false; error: { issues: { message: string }[] } };

/** What was typed, as its schema reads it. @param what begins the message @throws UsageError */
export function checked<T>(parsed: Parsed<T>, what: string): T {
  if (parsed.success) return parsed.data;
  throw new UsageError(`${what} is not acceptable. ${parsed.error.issues.map(({ message }) => message).join(' ')}`);
}
