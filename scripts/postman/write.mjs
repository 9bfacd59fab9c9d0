// npm run postman: writes the Postman collection and its environment into postman/, or into a given folder. Reads the
// OpenAPI document from standard input.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { collectionOf } from './collection.mjs';
import { environment } from './environment.mjs';

const folder = process.argv[2] ?? fileURLToPath(new URL('../../postman', import.meta.url));
const collection = await collectionOf(await json(process.stdin));
mkdirSync(folder, { recursive: true });
write('gatelatch.postman_collection.json', collection);
write('gatelatch.postman_environment.json', environment);

function write(name, content) {
  writeFileSync(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
}
