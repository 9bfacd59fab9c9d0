import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
// @ts-expect-error It is plain JavaScript.
import { build } from '../../scripts/build.mjs';
import { askRunningServer } from '../../src/platform/cli/ask-server.js';

const script = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/**
 * How a command's process starts. It ends before it would gain from WebAssembly, the embedded database, being compiled a
 * second time, which is a third of its work.
 */
export const commandLine = ['--liftoff-only', script];

/** The output of a process and its exit code. */
export type Ran = { code: number | null; stdout: string; stderr: string };

/** Parsed JSON. */
export type Json = ReturnType<typeof JSON.parse>;

type Run = (argv: string[], stdin?: string) => Promise<Ran>;

/** The command line, run in one way or another. */
export type Cli = {
  run: Run;
  /** Runs with `--json` and parses the document. @throws if the exit code is not the expected one */
  json(argv: string[], stdin?: string, code?: number): Promise<Json>;
};

/** The command line as an operator runs it: a process in its own working directory. */
export type CliProcess = Cli & {
  cwd: string;
  /** The settings of every command; a test may change them. */
  env: Record<string, string>;
  remove(): void;
};

/** Compiles the sources if they have changed, because the process runs the compiled files. */
export async function createCli(env: Record<string, string>): Promise<CliProcess> {
  await build();
  const cwd = mkdtempSync(join(tmpdir(), 'gatelatch-cli-'));
  const settings: Record<string, string> = {
    NODE_ENV: 'test',
    AUTH_SECRET: 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz',
    PASSWORD_HASH: 'm=1024,t=1,p=1',
    ...env,
  };
  const cli = cliBy((argv, stdin = '') =>
    run(process.execPath, [...commandLine, ...argv], stdin, { cwd, env: settings }),
  );
  return { ...cli, cwd, env: settings, remove: () => rmSync(cwd, { recursive: true, force: true }) };
}

/** Sends commands straight to a running server's socket, which saves the half second that a process takes. */
export function cliOverSocket(databaseUrl: string): Cli {
  return cliBy(async (argv, stdin) => {
    const answer = await askRunningServer(databaseUrl, { argv, password: stdin });
    if (!answer) throw new Error('No server has this database.');
    return { code: answer.exit_code, stdout: answer.stdout, stderr: answer.stderr };
  });
}

function cliBy(run: Run): Cli {
  return {
    run,
    async json(argv, stdin, code = 0) {
      const ran = await run([...argv, '--json'], stdin);
      if (ran.code !== code) throw new Error(`${argv.join(' ')} ended with ${ran.code}: ${ran.stderr}${ran.stdout}`);
      return JSON.parse(ran.stdout);
    },
  };
}

/** Runs a process to its end. @param options `stopAt`: the output at which it gets SIGTERM */
export async function run(
  command: string,
  args: string[],
  stdin: string,
  { stopAt, ...options }: { cwd: string; env: Record<string, string>; stopAt?: RegExp },
): Promise<Ran> {
  const child = spawn(command, args, { ...options, env: { PATH: process.env.PATH, ...options.env } });
  const ran: Ran = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (ran.stdout += text));
  child.stdout.on('data', () => stopAt?.test(ran.stdout) && child.kill('SIGTERM'));
  child.stderr.setEncoding('utf8').on('data', (text) => (ran.stderr += text));
  child.stdin.on('error', () => undefined).end(stdin);
  ran.code = await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  return ran;
}
