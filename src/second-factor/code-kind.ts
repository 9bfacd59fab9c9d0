import { recoveryCharacters } from './recovery-codes.js';
import { totpDigits } from './totp.js';

/** What a `code` is; its form tells. */
export function codeKind(text: string): 'totp' | 'recovery' | undefined {
  if (totpDigits(text) !== undefined) return 'totp';
  return recoveryCharacters(text) === undefined ? undefined : 'recovery';
}
