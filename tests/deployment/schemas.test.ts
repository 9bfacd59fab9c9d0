import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
/** Without the ids of an older draft. */
const schemaOf = (name: string) =>
  JSON.parse(read(`tests/deployment/schemas/${name}.json`), (key, value) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  );

/** What is wrong, in one line each. */
function checkerOf(schema: object, formats: Record<string, RegExp | true> = {}) {
  const validate = new Ajv({ strict: false, allErrors: true, formats }).compile(schema);
  return (value: unknown) => {
    validate(value);
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      [instancePath, message, ...Object.values(params)].join(' '),
    );
  };
}

describe('Compose files', () => {
  const check = checkerOf(schemaOf('compose-spec'), {
    duration: /^(\d+(\.\d+)?(us|ms|s|m|h))+$/,
    ports: /^\S+$/,
    expose: /^[\d-]+(\/\w+)?$/,
    subnet_ip_address: true,
  });
  const files = readdirSync(root).filter((file) => /^docker-compose.*\.ya?ml$/.test(file));

  it.each(files)('%s is what the Compose Specification allows', (file) => {
    expect(check(parse(read(file)))).toEqual([]);
  });

  it('with a misspelt key or a value of the wrong type would be found', () => {
    expect(files).toContain('docker-compose.yml');
    const { services, ...rest } = parse(read('docker-compose.yml'));
    const having = (fields: object) =>
      check({ ...rest, services: { ...services, api: { ...services.api, ...fields } } });
    expect(having({ read_onyl: true }).join()).toContain('read_onyl');
    expect(having({ read_only: 'perhaps' }).join()).toContain('read_only');
    expect(having({ stop_grace_period: 'soon' }).join()).toContain('stop_grace_period');
  });
});

describe('Manifests for Kubernetes', () => {
  const { properties, definitions } = schemaOf('kubernetes');
  const kinds = new Map(
    Object.entries(properties).map(([kind, ref]) => [kind, checkerOf({ ...(ref as object), definitions })]),
  );
  const folder = 'deploy/k8s';
  // The list of the others is for kubectl alone.
  const files = readdirSync(join(root, folder)).filter((file) => file !== 'kustomization.yaml');

  it.each(files)('%s is what the API takes', (file) => {
    const manifest = parse(read(`${folder}/${file}`));
    expect([...kinds.keys()]).toContain(manifest.kind);
    expect([manifest.apiVersion, manifest.kind].every(Boolean)).toBe(true);
    expect(kinds.get(manifest.kind)?.(manifest)).toEqual([]);
  });

  it('with a misspelt field, a missing one, or a value of the wrong type would be found', () => {
    const { spec, ...rest } = parse(read(`${folder}/deployment.yaml`));
    const { selector: _, ...unselective } = spec;
    const check = (fields: object) =>
      kinds
        .get('Deployment')?.({ ...rest, spec, ...fields })
        ?.join();
    expect(check({})).toBe('');
    expect(check({ spec: { ...spec, minReadySecond: 5 } })).toContain('minReadySecond');
    expect(check({ spec: { ...spec, minReadySeconds: '5' } })).toContain('minReadySeconds');
    expect(check({ spec: unselective })).toContain('selector');
    expect(check({ apiVersion: 'apps/v1beta1' })).toContain('apiVersion');
  });
});
