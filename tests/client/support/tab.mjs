import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { createClient } from '../../../client/dist/index.js';

// A tab of a browser: its own thread, with the shipped client and a storage that all tabs share.
const { url, folder } = workerData;
const path = (key) => `${folder}/${key}`;
const storage = {
  shared: true,
  get: (key) => (existsSync(path(key)) ? readFileSync(path(key), 'utf8') : null),
  set(key, value) {
    writeFileSync(`${path(key)}.${threadId}`, value);
    renameSync(`${path(key)}.${threadId}`, path(key));
  },
  remove: (key) => rmSync(path(key), { force: true }),
};
const client = createClient({ url, storage });

for (const name of ['signedIn', 'signedOut', 'refreshed'])
  client.on(name, () => parentPort.postMessage({ event: name }));
parentPort.on('message', async ({ id, path }) => {
  const status = await client.fetch(path).then(
    (answer) => answer.status,
    (error) => String(error),
  );
  parentPort.postMessage({ id, status });
});
parentPort.postMessage({ event: 'ready' });
