import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder that `npm run postman` writes to. */
export const postmanFolder = fileURLToPath(new URL('../../postman', import.meta.url));

export const postmanFiles = ['gatelatch.postman_collection.json', 'gatelatch.postman_environment.json'] as const;

type Script = { listen: 'prerequest' | 'test'; script: { exec: string[] } };

export type Item = {
  id: string;
  name: string;
  event: Script[];
  request: { method: string; url: { raw: string; path: string[] }; auth?: { type: string } };
};

export type Collection = { item: { name: string; item: Item[] }[]; event: Script[] };

export type Environment = { values: { key: string; value: string; type: 'default' | 'secret' }[] };

export const collection: Collection = read(postmanFiles[0]);
export const environment: Environment = read(postmanFiles[1]);

/** Every request with the name of its folder, in the order in which they are sent. */
export const items = collection.item.flatMap((folder) =>
  folder.item.map((item) => ({ ...item, title: `${folder.name} / ${item.name}` })),
);

function read(name: string) {
  return JSON.parse(readFileSync(`${postmanFolder}/${name}`, 'utf8'));
}
