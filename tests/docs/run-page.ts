import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PageServer } from './page-server.js';
import type { Block, Page } from './pages.js';

/** A block that a reader runs, and the output that the page shows below it. */
export type Step = Block & { printed: string };

/** The result of a step: its output, its exit code, and the status of each response to curl. */
export type Outcome = { stdout: string; exitCode: number; statuses: number[] };

export function stepsOf({ blocks }: Page): Step[] {
  return blocks.flatMap((block, place) => {
    const next = blocks[place + 1];
    const printed = next?.language === 'text' ? next.text : '';
    return block.language === 'sh' && !block.info.startsWith('no-run') ? [{ ...block, printed }] : [];
  });
}

// The page's curl, which also records the status of each response, and 0 if there was none.
const notingCurl = `
curl() {
  local head code status
  head=$(mktemp -p "$NOTES")
  command curl -D "$head" "$@"
  code=$?
  status=$(sed -n 's/^HTTP[^ ]* \\([0-9]*\\).*/\\1/p' "$head" | tail -1)
  echo "\${status:-0}" >>"$NOTES/$STEP"
  return $code
}`;

// The reader's browser: its user agrees to what a page of a provider asks.
const browser = 'xdg-open() { command curl -sL -o /dev/null "$1"; }';

/** Runs a page's steps in one bash, one after the other, as a reader pastes them. */
export async function runSteps(steps: Step[], { cwd, here }: PageServer): Promise<Outcome[]> {
  const notes = mkdtempSync(join(tmpdir(), 'gatelatch-notes-'));
  const parts = steps.map(({ text }, place) => `STEP=${place}\n${here(text)}\nprintf '\\n%%%%%%%s\\n' $?`);
  const output = await bash([notingCurl, browser, ...parts].join('\n'), cwd, notes);
  const printed = output.split(/^%%%(\d+)\n/m);
  const outcomes = steps.map((_, place) => ({
    stdout: printed[place * 2] ?? '',
    exitCode: Number(printed[place * 2 + 1] ?? Number.NaN),
    statuses: statusesIn(join(notes, `${place}`)),
  }));
  rmSync(notes, { recursive: true });
  return outcomes;
}

async function bash(script: string, cwd: string, notes: string): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, NOTES: notes };
  return new Promise((resolve) => {
    execFile('bash', ['-c', script], { cwd, env }, (_, output, errors) => resolve(`${output}\n${errors}`));
  });
}

function statusesIn(file: string): number[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').map(Number);
  } catch {
    return [];
  }
}
