import { describe, expect, it } from 'vitest';
import { commands } from '../../../src/commands.js';
import { oneLine, success } from '../../../src/platform/cli/answer.js';
import { help } from '../../../src/platform/cli/help.js';
import { parse } from '../../../src/platform/cli/parse.js';
import { fields, table } from '../../../src/platform/cli/text.js';

const refusalOf = (...argv: string[]) => {
  try {
    parse(argv, commands);
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : error;
  }
  throw new Error(`"${argv.join(' ')}" was understood.`);
};

describe('a command line', () => {
  it('without a command shows the help, as do help, --help and -h', () => {
    for (const argv of [[], ['help'], ['--help'], ['-h'], ['--json'], ['--json', 'help']])
      expect(parse(argv, commands), argv.join(' ')).toMatchObject({ help: '' });
    for (const argv of [
      ['help', 'users', 'list'],
      ['users', 'list', '--help'],
      ['users', 'list', '-h'],
    ])
      expect(parse(argv, commands), argv.join(' ')).toMatchObject({ help: 'users list' });
    expect(parse(['help', 'keys', '--json'], commands)).toEqual({ help: 'keys', json: true });
  });

  it('can have options before, between and after the arguments', () => {
    for (const argv of [
      ['--json', 'users', 'roles', 'ada', 'a', 'b'],
      ['users', 'roles', '--json', 'ada', 'a', 'b'],
      ['users', 'roles', 'ada', 'a', '--json', '--', 'b'],
    ])
      expect(parse(argv, commands), argv.join(' ')).toMatchObject({
        json: true,
        args: { positionals: ['ada', 'a', 'b'] },
      });
  });

  it('can have an argument that begins with a hyphen after --', () => {
    expect(parse(['keys', 'revoke', '--yes', '--', '-abcdefghijk'], commands)).toMatchObject({
      args: { positionals: ['-abcdefghijk'] },
    });
  });

  it('of a command that needs a user shows its help as a failure if --help took the user’s place', () => {
    for (const flag of ['--help', '-h'])
      expect(parse(['users', 'disable', flag], commands)).toEqual({ help: 'users disable', json: false, exitCode: 2 });
    expect(parse(['users', 'disable', '--', '--help'], commands)).toMatchObject({ args: { positionals: ['--help'] } });
    expect(parse(['users', 'list', '--help'], commands)).toEqual({ help: 'users list', json: false });
    expect(parse(['help', 'users', 'disable'], commands)).toEqual({ help: 'users disable', json: false });
  });

  it.each([
    [['frobnicate'], 'There is no command "frobnicate". See: help'],
    [['help', 'frobnicate'], 'There is no command "frobnicate". See: help'],
    [['user'], 'There is no command "user". See: help'],
    [['keys'], '"keys" needs one of: list, rotate, revoke, reseal. See: help keys'],
    [['keys', 'eat'], 'There is no command "keys eat". See: help keys'],
    [['users', 'show'], '"users show" needs <username|id>. See: help users show'],
    [['users', 'show', 'a', 'b'], '"users show" takes at most 1 argument. See: help users show'],
    [['purge', 'all'], '"purge" takes no argument. See: help purge'],
    [['users', 'create', 'ada', '--password', 'x'], expect.stringContaining("Unknown option '--password'")],
    [['users', 'list', '--limit'], expect.stringContaining('--limit')],
    [['keys', 'revoke', '-abcdefghijk'], expect.stringContaining("after '--'")],
  ])('%j is refused in one line that says why', (argv, message) => {
    const refusal = refusalOf(...argv);
    expect(refusal).toEqual(typeof message === 'string' ? `UsageError: ${message}` : message);
    expect(refusal).not.toContain('\n');
  });
});

describe('help', () => {
  it('lists every command with its options, as text and as JSON', () => {
    const all = help('', commands);
    for (const { name, summary, options = {} } of commands) {
      expect(all.text).toContain(`  ${name}`);
      expect(all.text).toContain(summary);
      for (const option of Object.keys(options)) expect(help(name, commands).text, name).toContain(`  --${option}`);
    }
    expect(all.json).toMatchObject({ commands: commands.map(({ name }) => ({ name })) });
  });

  it('fits the width of a terminal', () => {
    for (const line of help('', commands).text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120);
  });

  it('has no option that sets or reads the password of an existing user', () => {
    const options = commands.flatMap(({ name, options = {} }) =>
      Object.keys(options).map((option) => `${name} ${option}`),
    );
    expect(options.filter((text) => text.includes('password'))).toEqual(['users create generate-password']);
  });
});

describe('the output', () => {
  it('has no characters that control a terminal', () => {
    const evil = 'a\u001b]0;b\u0007\u009b2J\u202e\r\n';
    for (const text of [table(['A'], [[evil]], ''), fields({ a: evil }), oneLine(new Error(evil))])
      expect(text.replace(/^A\n/, '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('has none in JSON, either, and programs read what was there', () => {
    const evil = { 'a\u009b2J': 'a\u001b]0;b\u007f\u009b2J\u0085\u202e\u2028\u{e0041}é\r\n' };
    const { stdout } = success({ json: evil, text: '' }, true);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(stdout)).toEqual(evil);
    expect(stdout).toContain('é');
  });

  it('shows no stack, and only the last line of an unexpected error', () => {
    expect(oneLine(new TypeError('Invalid invocation:\n\n  passwordHash: "x"\n\nSomething is missing.'))).toBe(
      'Something is missing.',
    );
  });
});
