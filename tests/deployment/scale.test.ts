import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseConfig } from '../../src/config.js';
import { idleLagMs } from '../../src/platform/http/drain.js';
import { routes } from '../../src/routes.js';
import { settings } from '../../src/settings.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const secret = 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz';

const paths = routes.map(({ path }) => path);
const seconds = (duration: string) => Number(/^(\d+)s$/.exec(duration)?.[1]);

/** Parses settings as an instance gets them, with examples for what the operator fills in. */
function expectGoodSettings(given: Record<string, string>): void {
  expect(Object.keys(given).filter((name) => !(name in settings.shape))).toEqual([]);
  const filled = Object.entries(given).map(([name, value]) => [name, /^$|^\$\{/.test(value) ? example[name] : value]);
  expect(() => parseConfig(Object.fromEntries(filled))).not.toThrow();
}

const example: Record<string, string> = {
  AUTH_SECRET: secret,
  JWT_ISSUER: 'https://login.example.com',
  DATABASE_URL: 'postgresql://gatelatch@db.example.com/gatelatch',
  REDIS_URL: 'redis://redis.example.com',
  SMTP_URL: 'smtps://mail.example.com',
};

describe('docker-compose.scale.yml', () => {
  const text = read('docker-compose.scale.yml');
  const { services, networks } = parse(text);
  const { api, nginx, postgres, replica } = services;

  it('has three instances behind nginx, a primary with a replica, and Redis, each with a health check', () => {
    expect(Object.keys(services).sort()).toEqual(['api', 'nginx', 'postgres', 'redis', 'replica']);
    expect(api.deploy.replicas).toBe(3);
    for (const [name, service] of Object.entries(services) as [string, { healthcheck?: unknown }][])
      expect(service.healthcheck !== undefined || name === 'api', name).toBe(true);
    expect(read('Dockerfile')).toMatch(/^HEALTHCHECK /m);
  });

  it('gives the instances only settings that the server knows', () => {
    const { PGPASSWORD, ...given } = api.environment;
    expect(PGPASSWORD).toMatch(/^\$\{POSTGRES_PASSWORD:\?/);
    expectGoodSettings(given);
    expect(given).toMatchObject({ NODE_ENV: 'production', HOST: '0.0.0.0', TRUST_PROXY: '1' });
  });

  it('needs only variables that .env.example has, and contains no secret', () => {
    const names = [...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name);
    for (const name of names) expect(read('.env.example')).toMatch(new RegExp(`^#${name}=`, 'm'));
    for (const line of text.split('\n').filter((line) => /^\s+\w*(SECRET|PASSWORD):/.test(line)))
      expect(line).toMatch(/: \$\{[A-Z_]+:\?Set [A-Z_]+ in \.env/);
  });

  it('publishes nginx on this machine only, and nothing else', () => {
    const published = Object.entries(services).filter(([, service]) => 'ports' in (service as object));
    expect(published.map(([name]) => name)).toEqual(['nginx']);
    expect(nginx.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:.*:8080$/)]);
    expect(read('deploy/nginx/nginx.conf')).toMatch(/^ +listen 8080;$/m);
    expect(networks.back.internal).toBe(true);
    for (const name of ['postgres', 'replica', 'redis']) expect(services[name].networks).toEqual(['back']);
  });

  it('lets an instance finish before it is killed', () => {
    expect(seconds(api.stop_grace_period)).toBeGreaterThan(parseConfig({}).shutdownTimeout);
  });

  it('mounts only existing files, and the instances cannot write', () => {
    const mounted = Object.values(services).flatMap((service) => (service as { volumes?: string[] }).volumes ?? []);
    const files = mounted.map((volume) => volume.split(':')[0] ?? '').filter((path) => path.startsWith('.'));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect(existsSync(join(root, file)), file).toBe(true);
    expect([api.read_only, api.volumes]).toEqual([true, undefined]);
  });

  it('creates the replica with the slot and the role that the primary has for it', () => {
    const [allow, make] = [read('deploy/postgres/allow-replica.sh'), read('deploy/postgres/replica.sh')];
    expect(allow).toContain(`CREATE ROLE ${replica.environment.PGUSER} REPLICATION`);
    expect(allow).toContain("pg_create_physical_replication_slot('replica')");
    expect(make).toContain('--slot=replica');
    expect(replica.environment.PGPASSWORD).toBe(postgres.environment.REPLICATION_PASSWORD);
    expect(replica.environment.PGHOST).toBe('postgres');
  });
});

describe('deploy/nginx', () => {
  const [conf, upstream] = [read('deploy/nginx/nginx.conf'), read('deploy/nginx/upstream.conf')];

  it('forwards to the port of the instances', () => {
    const { api } = parse(read('docker-compose.scale.yml')).services;
    expect(upstream).toContain(`server api:${api.environment.PORT} `);
    expect(conf).toContain('proxy_pass http://gatelatch;');
    expect(upstream).toMatch(/^upstream gatelatch \{$/m);
  });

  it('closes idle connections before a stopping instance does', () => {
    const [, kept] = /^ +keepalive_timeout (\d+)s;$/m.exec(upstream) ?? [];
    expect(Number(kept) * 1000).toBeGreaterThan(0);
    expect(Number(kept) * 1000).toBeLessThan(idleLagMs);
  });

  it('counts as exactly one proxy, and never repeats a request that is not safe to repeat', () => {
    expect(conf.match(/X-Forwarded-For .*;/g)).toEqual(['X-Forwarded-For $remote_addr;']);
    expect(conf).not.toMatch(/proxy_next_upstream [^;]*non_idempotent/);
  });

  it('writes no query to a log', () => {
    const [format] = /log_format [^;]+;/.exec(conf) ?? [''];
    expect(format).not.toMatch(/\$(request|request_uri|args|query_string|arg_\w+|http_referer)\b/);
    expect(conf).toMatch(/^error_log \S+ crit;$/m);
  });
});

describe('deploy/k8s', () => {
  const folder = 'deploy/k8s';
  const document = (file: string) => parse(read(`${folder}/${file}`));
  const deployment = document('deployment.yaml');
  const pod = deployment.spec.template.spec;
  const [container] = pod.containers;
  const env = Object.fromEntries(container.env.map(({ name, value }: Record<string, string>) => [name, value]));
  const configured = document('configmap.yaml').data;
  const secrets = document('secret.example.yaml').stringData;

  it('is applied as a whole, except for the example of a secret', () => {
    const { resources } = document('kustomization.yaml');
    const others = readdirSync(join(root, folder)).filter(
      (file) => !/^(kustomization|secret\.example)\.yaml$/.test(file),
    );
    expect([...resources].sort()).toEqual(others.sort());
    for (const file of others) expect(parseAllDocuments(read(`${folder}/${file}`))).toHaveLength(1);
  });

  it('gives the instances only settings that the server knows, each once', () => {
    expectGoodSettings({ ...configured, ...secrets, ...env });
    const names = [configured, secrets, env].flatMap((one) => Object.keys(one));
    expect(new Set(names).size).toBe(names.length);
    for (const value of [...Object.values(configured), ...Object.values(env)]) expect(typeof value).toBe('string');
    expect(container.envFrom).toEqual([
      { configMapRef: { name: document('configmap.yaml').metadata.name } },
      { secretRef: { name: document('secret.example.yaml').metadata.name } },
    ]);
  });

  it('contains no secret', () => {
    expect(Object.values(secrets).filter((value) => value !== '')).toEqual([]);
    for (const name of ['AUTH_SECRET', 'DATABASE_URL', 'REDIS_URL', 'SMTP_URL'])
      expect(configured).not.toHaveProperty(name);
  });

  it('probes existing paths, on the port of the server', () => {
    const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
    expect(probes.map(({ httpGet }) => httpGet.path)).toEqual(['/healthz', '/readyz', '/healthz']);
    for (const { httpGet } of probes) expect(paths).toContain(httpGet.path);
    const [port] = container.ports;
    expect(probes.map(({ httpGet }) => httpGet.port)).toEqual([port.name, port.name, port.name]);
    expect(String(port.containerPort)).toBe(env.PORT);
    expect(document('service.yaml').spec.ports[0].targetPort).toBe(port.name);
    expect(env.HOST).toBe('0.0.0.0');
  });

  it('runs the image with its own command, user and version', () => {
    expect([container.command, container.args]).toEqual([undefined, undefined]);
    expect(read('Dockerfile')).toMatch(/^USER node$/m);
    // The ids of the user "node" in Node's official image.
    expect([pod.securityContext.runAsUser, pod.securityContext.runAsGroup]).toEqual([1000, 1000]);
    expect(container.image).toBe(`gatelatch:${JSON.parse(read('package.json')).version}`);
  });

  it('gives an instance no rights it does not need: no root, no files, no account', () => {
    expect(pod.securityContext.runAsNonRoot).toBe(true);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.volumes).toBeUndefined();
  });

  it('lets an instance finish before it is killed', () => {
    const [, preStop] = container.lifecycle.preStop.exec.command;
    const { shutdownTimeout } = parseConfig({ SHUTDOWN_TIMEOUT: configured.SHUTDOWN_TIMEOUT });
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(preStop) + shutdownTimeout);
  });

  it('never has fewer instances during a rollout, or more connections than Postgres allows', () => {
    const { maxUnavailable, maxSurge } = deployment.spec.strategy.rollingUpdate;
    expect(maxUnavailable).toBe(0);
    const { minReplicas, maxReplicas, scaleTargetRef } = document('hpa.yaml').spec;
    expect(scaleTargetRef).toMatchObject({ kind: 'Deployment', name: deployment.metadata.name });
    expect(deployment.spec.replicas).toBeUndefined();
    expect(minReplicas).toBeGreaterThan(1);
    // 100 by default, 3 of them for superusers. Each instance needs its pool and one connection to listen.
    expect((maxReplicas + maxSurge) * (Number(configured.DATABASE_POOL_SIZE) + 1)).toBeLessThanOrEqual(97);
  });

  it('lets only the ingress and Prometheus connect, because TRUST_PROXY believes whoever does', () => {
    expect(configured.TRUST_PROXY).toBe('1');
    const { policyTypes, ingress } = document('networkpolicy.yaml').spec;
    expect(policyTypes).toEqual(['Ingress']);
    const named: string[] = ingress.flatMap(({ from }: { from: { namespaceSelector: { matchLabels: object } }[] }) =>
      from.map(({ namespaceSelector }) => Object.values(namespaceSelector.matchLabels)[0]),
    );
    expect(named).toEqual(['ingress-nginx', 'monitoring']);
    const [port] = container.ports;
    for (const { ports } of ingress) expect(ports).toEqual([{ protocol: 'TCP', port: port.name }]);
  });

  it('selects the same instances everywhere', () => {
    const { labels } = deployment.spec.template.metadata;
    expect(deployment.spec.selector.matchLabels).toEqual(labels);
    expect(document('service.yaml').spec.selector).toEqual(labels);
    expect(document('pdb.yaml').spec.selector.matchLabels).toEqual(labels);
    expect(document('networkpolicy.yaml').spec.podSelector.matchLabels).toEqual(labels);
  });
});
