import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type AnyCommand, type Args, UsageError } from './command.js';

export type Parsed<Known> = { json: boolean } & ({ help: string; exitCode?: 2 } | { command: Known; args: Args });

const common = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;

/** @returns `help` with the beginning of a command's name, or an empty text @throws UsageError */
export function parse<Known extends AnyCommand>(argv: string[], commands: Known[]): Parsed<Known> {
  const first = argv.findIndex((word) => word !== '--json');
  const words = first > 0 ? [...argv.slice(first), '--json'] : argv;
  const [subject] = words;
  if (subject === undefined || first === -1 || /^(help|--help|-h)$/.test(subject))
    return parseHelp(words.slice(1), commands);
  const command = commands.find(({ name }) => startsWith(words, name));
  if (!command) throw unknown(words, commands);
  const { values, positionals } = parseRest(command, words.slice(command.name.split(' ').length));
  const json = values.json === true;
  // A script that hands over a user's name, and meets a user called --help, must not take that for done.
  if (values.help === true)
    return { help: command.name, json, ...(positionals.length < least(command) && { exitCode: 2 }) };
  checkCount(command, positionals);
  return { command, args: argsOf(values, positionals), json };
}

function parseHelp(rest: string[], commands: AnyCommand[]): { help: string; json: boolean } {
  const topic = rest.filter((word) => word !== '--json').join(' ');
  if (!commands.some(({ name }) => `${name} `.startsWith(topic && `${topic} `)))
    throw unknown(topic.split(' '), commands);
  return { help: topic, json: rest.includes('--json') };
}

function startsWith(argv: string[], name: string): boolean {
  return name.split(' ').every((word, place) => argv[place] === word);
}

function unknown([group = '', word]: string[], commands: AnyCommand[]): UsageError {
  const names = commands.filter(({ name }) => name.startsWith(`${group} `)).map(({ name }) => name.split(' ')[1]);
  if (names.length > 0 && (word === undefined || word.startsWith('-')))
    return new UsageError(`"${group}" needs one of: ${names.join(', ')}. See: help ${group}`);
  const typed = names.length > 0 ? `${group} ${word}` : group;
  return new UsageError(
    `There is no command ${JSON.stringify(typed)}. See: help${names.length > 0 ? ` ${group}` : ''}`,
  );
}

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>;

function parseRest({ name, options }: AnyCommand, args: string[]): { values: Values; positionals: string[] } {
  const config: ParseArgsConfig = { args, options: { ...common, ...options }, allowPositionals: true };
  try {
    const { values, positionals } = parseArgs(config);
    return { values, positionals };
  } catch (error) {
    const reason = error instanceof Error ? error.message.replaceAll('\n', ' ') : String(error);
    throw new UsageError(`${reason.replace(/\.?$/, '.')} See: help ${name}`);
  }
}

function least({ arguments: wanted }: Pick<AnyCommand, 'arguments'>): number {
  return wanted.filter((word) => word.startsWith('<')).length;
}

function checkCount({ name, arguments: wanted }: AnyCommand, { length }: string[]): void {
  const min = least({ arguments: wanted });
  const max = wanted.some((word) => word.includes('…')) ? Number.POSITIVE_INFINITY : wanted.length;
  if (length < min) throw new UsageError(`"${name}" needs ${wanted.slice(length, min).join(' ')}. See: help ${name}`);
  if (length > max)
    throw new UsageError(`"${name}" takes ${max === 0 ? 'no' : `at most ${max}`} argument. See: help ${name}`);
}

function argsOf(values: Values, positionals: string[]): Args {
  return {
    positionals,
    text: (option) => (typeof values[option] === 'string' ? values[option] : undefined),
    flag: (option) => values[option] === true,
    list: (option) => [values[option] ?? []].flat().map(String),
  };
}
