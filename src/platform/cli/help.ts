import type { AnyCommand, Option, Result } from './command.js';

const ending = `"help <command>" shows its options. Every command takes --json: one JSON document on standard output.
An argument that begins with a hyphen goes last, after "--". Exit codes: 0 done, 1 failed, 2 not understood.
The settings are the server's: run it where the server runs, as the same user, with the same environment or .env.`;

/** The help for all commands whose name begins with the topic; with options if it is only one. */
export function help(topic: string, commands: AnyCommand[]): Result {
  const chosen = commands.filter(({ name }) => `${name} `.startsWith(topic && `${topic} `));
  const [only] = chosen;
  const text = chosen.length === 1 && only ? helpOf(only) : overview(chosen);
  return { json: { commands: chosen.map(describe) }, text };
}

function overview(chosen: AnyCommand[]): string {
  const rows = chosen.map(({ name, arguments: positionals, summary }) => ({
    what: [name, ...positionals].join(' '),
    summary,
  }));
  const width = Math.max(...rows.map(({ what }) => what.length));
  const lines = rows.map(({ what, summary }) => `  ${what.padEnd(width)}  ${summary}`);
  return `Usage: npm run cli -- <command> …\n\n${lines.join('\n')}\n\n${ending}`;
}

function helpOf(command: AnyCommand): string {
  const options = Object.entries(command.options ?? {}).map(([name, option]) => [
    optionUsage(name, option),
    option.summary,
  ]);
  const lines = [...options, ['--json', 'one JSON document on standard output']].map(
    ([left = '', summary = '']) => `  ${left.padEnd(24)}  ${summary}`,
  );
  return `Usage: npm run cli -- ${usage(command)}\n\n${capitalised(command.summary)}.\n\n${lines.join('\n')}`;
}

function usage({ name, arguments: positionals, options = {} }: AnyCommand): string {
  const optional = Object.entries(options).map(
    ([option, spec]) => `[${optionUsage(option, spec)}]${spec.multiple ? '…' : ''}`,
  );
  return [name, ...positionals, ...optional].join(' ');
}

function optionUsage(name: string, { value }: Option): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function describe({ name, arguments: positionals, options = {}, summary }: AnyCommand) {
  const described = Object.entries(options).map(([option, { value, multiple = false, summary: what }]) => ({
    name: option,
    value: value ?? null,
    multiple,
    summary: what,
  }));
  return { name, arguments: positionals, options: described, summary };
}
