import type { StartError } from '../../errors.js';

export type Result = {
  json: unknown;
  /** For people; without a line feed at the end. */
  text: string;
  /** 1 for a bad result; 0 by default. */
  exitCode?: number;
};

export type Option = {
  type: 'string' | 'boolean';
  multiple?: boolean;
  /** What the help shows for the value: `<address>`. */
  value?: string;
  summary: string;
};

export type Args = {
  positionals: string[];
  text(option: string): string | undefined;
  flag(option: string): boolean;
  list(option: string): string[];
  /** From standard input, for a command that reads it. */
  password?: string | undefined;
};

/** One row of the table of commands, and of the help. @typeParam Deps what it works with */
export type Command<Deps extends { config: object }> = {
  name: string;
  /** `<needed>`, `[optional]`, `[several…]`, in order. */
  arguments: string[];
  options?: Record<string, Option>;
  summary: string;
  readsPassword?(args: Args): boolean;
  /** @throws UsageError, AppError or StartError; the operator reads the message */
  run(deps: Deps, args: Args): Promise<Result>;
  /** Replaces "open everything, then `run`" in a process of its own. */
  runAlone?(config: Deps['config']): Promise<Result>;
  onWrongSettings?(error: StartError): Result;
};

export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export class CommandError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CommandError';
  }
}

/** For what cannot be undone. @throws UsageError without `--yes` */
export function needYes(args: Args, whatItDoes: string): void {
  if (!args.flag('yes')) throw new UsageError(`${whatItDoes} To do it, add --yes.`);
}

export const yes: Option = { type: 'boolean', summary: 'do it: it cannot be undone' };

/** The parser has checked that the argument exists. */
export function argument({ positionals }: Args, place: number): string {
  return positionals[place] ?? '';
}

// biome-ignore lint/suspicious/noExplicitAny: parser and help read names and options alone, never what a command works with.
export type AnyCommand = Command<any>;
