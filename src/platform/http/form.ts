import { isUtf8 } from 'node:buffer';
import { AppError } from '../../errors.js';

/**
 * The parameters of a form by name. One without a value counts as left out (RFC 6749 §3.2).
 * @throws AppError invalid_request if one is there twice, or if it is no UTF-8
 */
export function parseForm(bytes: Buffer | undefined): Record<string, string> {
  if (bytes === undefined) return {};
  if (!isUtf8(bytes)) throw new AppError('invalid_request', { detail: 'The form is not in UTF-8.' });
  const parameters = new Map<string, string>();
  for (const pair of bytes.toString().split('&')) {
    if (pair === '') continue;
    const [name = '', ...value] = pair.split('=');
    const decoded = decodeForm(name);
    if (parameters.has(decoded)) throw new AppError('invalid_request', { detail: 'A parameter is there twice.' });
    parameters.set(decoded, decodeForm(value.join('=')));
  }
  return Object.fromEntries([...parameters].filter(([, value]) => value !== ''));
}

/** Unlike URLSearchParams, it refuses what it can't decode. @throws AppError invalid_request */
export function decodeForm(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new AppError('invalid_request', { detail: 'The form has a broken percent-encoding.' });
  }
}
