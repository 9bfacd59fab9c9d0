import { AppError } from '../../errors.js';

const deepest = 100;

/**
 * Refuses JSON with more than 100 levels of brackets before it is parsed: parsing it, and collecting it as garbage, takes
 * many times as long as flat JSON of the same size.
 * @throws AppError validation_failed; invalid_json where the brackets do not close
 */
export function checkDepth(json: string): void {
  const { most, unclosed } = countLevels(json);
  if (most <= deepest) return;
  if (unclosed !== 0) throw new AppError('invalid_json');
  throw new AppError('validation_failed', { errors: [{ path: '', message: 'Too many levels of brackets.' }] });
}

function countLevels(json: string): { most: number; unclosed: number } {
  let most = 0;
  let unclosed = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '"') inString = !inString;
    else if (inString) at += character === '\\' ? 1 : 0;
    else if (character === '[' || character === '{') most = Math.max(most, ++unclosed);
    else if (character === ']' || character === '}') unclosed--;
  }
  return { most, unclosed };
}
