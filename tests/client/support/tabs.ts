import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';
import type { Storage } from '../../../client/src/index.js';

/** A client in its own thread. */
export type Tab = {
  /** The status of the response, or the error as text. */
  fetch(path: string): Promise<number | string>;
  /** The events of the client. */
  events: string[];
  /** Ends the thread without notice, as a browser does. */
  shut(): Promise<unknown>;
};

let built: Promise<unknown> | undefined;

/** Opens tabs of one browser with their shared storage. They are closed after the current test. */
export async function openTabs(count: number, { url }: { url: string }): Promise<{ tabs: Tab[]; storage: Storage }> {
  built ??= promisify(execFile)(process.execPath, ['scripts/build.mjs', 'client']);
  await built;
  const folder = mkdtempSync(join(tmpdir(), 'gatelatch-tabs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const storage = {
    get: (key: string) => (existsSync(join(folder, key)) ? readFileSync(join(folder, key), 'utf8') : null),
    set: (key: string, value: string) => writeFileSync(join(folder, key), value),
    remove: (key: string) => rmSync(join(folder, key)),
  };
  return { tabs: await Promise.all(Array.from({ length: count }, () => openTab({ url, folder }))), storage };
}

async function openTab(workerData: { url: string; folder: string }): Promise<Tab> {
  const worker = new Worker(new URL('tab.mjs', import.meta.url), { workerData });
  const events: string[] = [];
  const waiting = new Map<number, (status: number | string) => void>();
  let asked = 0;
  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', ({ event, id, status }) => {
      if (event === 'ready') resolve();
      else if (event) events.push(event);
      else waiting.get(id)?.(status);
    });
  });
  onTestFinished(async () => void (await worker.terminate()));
  return {
    fetch: (path) =>
      new Promise((resolve) => {
        asked += 1;
        waiting.set(asked, resolve);
        worker.postMessage({ id: asked, path });
      }),
    events,
    shut: () => worker.terminate(),
  };
}
