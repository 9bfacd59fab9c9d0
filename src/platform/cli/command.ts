import type { StartError } from '../../errors.js';

/** What a command has to say, in both forms. */
export type Result = {
  /** For programs; names as on the wire. */
  json: unknown;
  /** For people; without a line feed at its end. */
  text: string;
  /** 1 where the answer is a bad one; 0 unless said. */
  exitCode?: number;
};

/** One option as `parseArgs` takes it, and as help tells it. */
export type Option = {
  type: 'string' | 'boolean';
  multiple?: boolean;
  /** What stands for the value in help: `<address>`. */
  value?: string;
  summary: string;
};

/** What was typed after the command's name. */
export type Args = {
  positionals: string[];
  /** The value of an option, or undefined where it was not given. */
  text(option: string): string | undefined;
  flag(option: string): boolean;
  list(option: string): string[];
  /** What came over standard input, for a command that takes it. */
  password?: string | undefined;
};

/** One row of the table of commands; help is made from it. @typeParam Deps what it works with */
export type Command<Deps extends { config: object }> = {
  name: string;
  /** `<needed>`, `[perhaps]`, `[several…]`, in their order. */
  arguments: string[];
  options?: Record<string, Option>;
  summary: string;
  /** Whether a password is to be read before it runs. */
  readsPassword?(args: Args): boolean;
  /** @throws UsageError, AppError or StartError, whose message is the line that the operator reads */
  run(deps: Deps, args: Args): Promise<Result>;
  /** How it runs in a process of its own, where that is not: open everything, then `run`. */
  runAlone?(config: Deps['config']): Promise<Result>;
  /** What it says to settings that are wrong, where that is more than the error. */
  onWrongSettings?(error: StartError): Result;
};

/** What was typed makes no sense: exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** What was asked for can't be done: exit code 1. */
export class CommandError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CommandError';
  }
}

/** For what can't be undone. @throws UsageError unless `--yes` was given */
export function needYes(args: Args, whatItDoes: string): void {
  if (!args.flag('yes')) throw new UsageError(`${whatItDoes} To do it, add --yes.`);
}

/** The option that {@link needYes} asks for. */
export const yes: Option = { type: 'boolean', summary: 'do it: it cannot be undone' };

/** The argument at this place: the parser has checked that it is there. */
export function argument({ positionals }: Args, place: number): string {
  return positionals[place] ?? '';
}

/** A table of commands, whatever they work with. */
// biome-ignore lint/suspicious/noExplicitAny: parser and help read names and options alone, never what a command works with.
export type AnyCommand = Command<any>;
