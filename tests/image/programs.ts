import { spawn, spawnSync } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** Runs a program. @returns what it printed @throws with the end of all that it printed if it fails */
export async function run(command: string, args: string[], options: { cwd?: string } = {}): Promise<string> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  const [code, output, errors] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  if (code === 0) return output.trim();
  throw new Error(`${command} ${args[0]} ended with ${code}:\n${`${output}\n${errors}`.slice(-3000)}`);
}

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** Installs the Debian packages of these names whose programs are missing. */
export async function install(...programs: string[]): Promise<void> {
  const missing = programs.filter((program) => !has(program));
  if (missing.length === 0) return;
  await run('apt-get', ['update', '-qq']);
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing]);
}
