import { z } from 'zod';
import { AppError, StartError } from '../../errors.js';
import { isDatabaseUnavailable } from '../db/errors.js';
import { CommandError, type Result, UsageError } from './command.js';
import { printable, printableJson } from './text.js';

export const lineSchema = z.object({ argv: z.array(z.string()), password: z.string().optional() });

export type Line = z.infer<typeof lineSchema>;

export const answerSchema = z.object({ exit_code: z.int(), stdout: z.string(), stderr: z.string() });

export type Answer = z.infer<typeof answerSchema>;

export function success({ json, text, exitCode = 0 }: Result, asJson: boolean): Answer {
  const body = asJson ? printableJson(JSON.stringify(json, undefined, 2)) : text;
  // An export has already written its output: no line follows.
  return { exit_code: exitCode, stdout: body ? `${body}\n` : '', stderr: '' };
}

export function failure(error: unknown): Answer {
  return { exit_code: error instanceof UsageError ? 2 : 1, stdout: '', stderr: `${oneLine(error)}\n` };
}

/** One line for the operator, without a stack: of an error that is not made for people, the last line. */
export function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  if (error instanceof AppError)
    return sentence([error.message, ...(error.errors ?? []).map(({ message }) => message)].join('. '));
  const lines = error.message.trim().split('\n');
  if (error instanceof StartError) return printable(lines.join(' '));
  if (error instanceof UsageError || error instanceof CommandError) return printable(error.message);
  const last = printable(lines.at(-1) ?? error.name);
  return isDatabaseUnavailable(error) ? `The database cannot be used: ${last}` : last;
}

function sentence(text: string): string {
  return printable(text).replace(/\.?$/, '.');
}
