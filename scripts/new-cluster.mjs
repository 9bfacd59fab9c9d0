// npm run db:cluster: has the installed PGlite make an empty database, and packs its files for first starts. Run it
// after each change of PGlite's version.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clusterFile, initdb, packCluster } from '../dist/platform/db/embedded/new-cluster.js';

const target = clusterFile();
const work = mkdtempSync(join(tmpdir(), 'gatelatch-cluster-'));
await initdb(join(work, 'pgdata'));
const packed = packCluster(join(work, 'pgdata'));
rmSync(work, { recursive: true });

mkdirSync(dirname(target), { recursive: true });
for (const name of readdirSync(dirname(target))) if (name.endsWith('.br')) rmSync(join(dirname(target), name));
writeFileSync(target, packed);
console.log(`Wrote ${target}: ${Math.round(packed.length / 1000)} kB.`);
