import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentMb, startGatelatch } from './processes.mjs';

// After this time the garbage of the start has been collected.
const restMs = 2000;

/**
 * The time from `node dist/main.js` to the first 200 of /readyz, and the memory some time later; medians of the later
 * starts.
 */
export async function measureStartUp({ directory, database, origin, starts }, note) {
  const rows = [];
  if (database.isServer) {
    note('Start-up on Postgres …');
    const databaseUrl = await database.create('start');
    const cwd = folder(directory, 'start-server');
    rows.push({ name: 'Postgres, first start (migrates)', ...(await startOnce({ databaseUrl, cwd, origin })) });
    const later = await times(starts, () => startOnce({ databaseUrl, cwd, origin }));
    rows.push({ name: 'Postgres, later start', ...medians(later), target: { readyMs: 1000, residentMb: 150 } });
  }
  note('Start-up embedded …');
  const cwd = folder(directory, 'start-embedded');
  const databaseUrl = 'pglite:.data/db';
  rows.push({
    name: 'embedded, first start (makes the database)',
    ...(await startOnce({ databaseUrl, cwd, origin })),
  });
  rows.push({
    name: 'embedded, later start',
    ...medians(await times(starts, () => startOnce({ databaseUrl, cwd, origin }))),
  });
  return rows;
}

async function startOnce(settings) {
  const gatelatch = await startGatelatch(settings);
  await sleep(restMs);
  const memory = residentMb(gatelatch.pid);
  await gatelatch.stop();
  const { readyMs, readyCpuMs } = gatelatch;
  return { readyMs: Math.round(readyMs), readyCpuMs: Math.round(readyCpuMs), residentMb: memory };
}

async function times(count, work) {
  const results = [];
  for (let n = 0; n < count; n += 1) results.push(await work());
  return results;
}

function medians(results) {
  const median = (key) => results.map((result) => result[key]).sort((a, b) => a - b)[Math.floor(results.length / 2)];
  return {
    readyMs: median('readyMs'),
    readyCpuMs: median('readyCpuMs'),
    residentMb: median('residentMb'),
    runs: results,
  };
}

function folder(directory, name) {
  const path = join(directory, name);
  mkdirSync(path);
  return path;
}
