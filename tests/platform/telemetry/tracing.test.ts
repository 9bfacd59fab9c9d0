import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { goodPassword, startAppForTest } from '../../support/app.js';
import { type Instance, startInstance } from '../../support/instance.js';
import { type OtlpReceiver, type SentSpan, startOtlpReceiver } from '../../support/otlp-receiver.js';
import { createTestDatabase, type TestDatabase } from '../../support/test-database.js';

const ids = () => ({ traceId: randomBytes(16).toString('hex'), parentId: randomBytes(8).toString('hex') });
const traceparent = ({ traceId, parentId }: ReturnType<typeof ids>, flags = '01') => ({
  traceparent: `00-${traceId}-${parentId}-${flags}`,
});

const collectors: OtlpReceiver[] = [];
const instances: Instance[] = [];
let database: TestDatabase;

async function startTraced(environment: Record<string, string> = {}) {
  const collector = await startOtlpReceiver();
  collectors.push(collector);
  const own = instances.length === 0 ? database : await createTestDatabase();
  if (own !== database) onTestFinished(own.drop);
  const instance = await startInstance(own.url, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    // The tests are a proxy, whose traces count.
    TRUST_PROXY: '1',
    ...environment,
  });
  instances.push(instance);
  return { collector, instance, http: request(instance.url) };
}

/** The spans of a trace, once the span of the request has arrived. */
async function traceOf(collector: OtlpReceiver, traceId: string): Promise<SentSpan[]> {
  const ofTrace = () => collector.spans().filter((span) => span.traceId === traceId);
  await vi.waitFor(() => expect(ofTrace().map(({ kind }) => kind)).toContain(2), { timeout: 5_000 });
  return ofTrace();
}

describe('With an endpoint for traces', () => {
  let traced: Awaited<ReturnType<typeof startTraced>>;

  beforeAll(async () => {
    database = await createTestDatabase();
    traced = await startTraced({ OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test' });
  });
  afterAll(async () => {
    await Promise.all(instances.map((instance) => instance.stop()));
    await Promise.all(collectors.map((collector) => collector.close()));
    await database.drop();
  });

  const signUp = (username: string, headers: Record<string, string> = {}) =>
    traced.http.post('/auth/signup').set(headers).send({ username, password: goodPassword });

  it('a request is one trace below the span of its client, with its statements and its hash', async () => {
    const caller = ids();
    await signUp('ada', traceparent(caller)).expect(201);
    const spans = await traceOf(traced.collector, caller.traceId);
    const [server, ...more] = spans.filter(({ kind }) => kind === 2);
    expect(more).toEqual([]);
    expect(server).toMatchObject({
      name: 'POST /auth/signup',
      parentSpanId: caller.parentId,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/auth/signup',
        'url.path': '/auth/signup',
        'http.response.status_code': 201,
      },
      resource: {
        'service.name': 'gatelatch',
        'service.version': '0.1.0',
        'deployment.environment.name': 'test',
      },
    });
    const [gate] = spans.filter(({ name }) => name === 'hash gate');
    expect(gate?.parentSpanId).toBe(server?.spanId);
    expect(spans.find(({ name }) => name === 'hash')?.parentSpanId).toBe(gate?.spanId);
    const statements = spans.filter(({ attributes }) => attributes['db.system.name'] === 'postgresql');
    expect(statements.length).toBeGreaterThan(0);
    for (const { name, kind, parentSpanId, attributes } of statements) {
      expect({ kind, parentSpanId }).toEqual({ kind: 3, parentSpanId: server?.spanId });
      expect(attributes['db.operation.name']).toBe(name);
      expect(attributes['db.query.text']).toMatch(/\$1/);
    }
  });

  it('requests at once have separate traces', async () => {
    const callers = Array.from({ length: 12 }, ids);
    await Promise.all(callers.map((caller, n) => signUp(`twelve-${n}`, traceparent(caller)).expect(201)));
    for (const { traceId, parentId } of callers) {
      const spans = await traceOf(traced.collector, traceId);
      const known = new Set([parentId, ...spans.map(({ spanId }) => spanId)]);
      expect(spans.every(({ parentSpanId }) => known.has(`${parentSpanId}`))).toBe(true);
      expect(spans.filter(({ kind }) => kind === 2)).toHaveLength(1);
      expect(spans.filter(({ name }) => name === 'hash')).toHaveLength(1);
    }
  });

  it('a span has the route that matched, never the id or the method that was sent', async () => {
    const [todo, nothing, odd] = [ids(), ids(), ids()];
    await traced.http.get('/todos/01890a5d-ac96-774b-bcce-b302099a8057').set(traceparent(todo)).expect(401);
    await traced.http.get('/nothing').set(traceparent(nothing)).expect(404);
    await traced.http.propfind('/me').set(traceparent(odd)).expect(405);
    const names = await Promise.all([todo, nothing, odd].map(({ traceId }) => traceOf(traced.collector, traceId)));
    expect(names.map(([span]) => span?.name)).toEqual(['GET /todos/{id}', 'GET', 'HTTP /me']);
  });

  it('the log line of a request has the id of its trace', async () => {
    const caller = ids();
    const { headers } = await traced.http.get('/healthz').set(traceparent(caller));
    const line = await vi.waitUntil(() =>
      traced.instance.logs.find((text) => text.includes(`${headers['x-request-id']}`)),
    );
    expect(JSON.parse(line)).toMatchObject({ path: '/healthz', trace_id: caller.traceId });
  });

  it('the traceparent of a stranger is a link: it does not decide whether the request is sampled, nor where its span is', async () => {
    const { collector, http, instance } = await startTraced({ TRUST_PROXY: 'false' });
    const [silent, loud] = [ids(), ids()];
    for (const [caller, flags] of [
      [silent, '00'],
      [loud, '01'],
    ] as const)
      await http
        .get('/healthz')
        .set({ ...traceparent(caller, flags), tracestate: 'shop=words-of-a-client', baggage: 'a=words-of-a-client' })
        .expect(200);
    await vi.waitFor(() => expect(collector.spans()).toHaveLength(2), { timeout: 5_000 });
    const spans = collector.spans();
    expect(spans.map(({ links }) => links?.map(({ traceId, spanId }) => ({ traceId, parentId: spanId })))).toEqual([
      [silent],
      [loud],
    ]);
    for (const { traceId, parentSpanId } of spans) {
      expect([silent.traceId, loud.traceId]).not.toContain(traceId);
      expect(parentSpanId || undefined).toBeUndefined();
    }
    expect(JSON.stringify(spans)).not.toContain('words-of-a-client');
    expect(instance.logs.join()).not.toContain(silent.traceId);
  });

  it('a stranger cannot have a request traced that our sampler leaves out', async () => {
    const { collector, http, instance } = await startTraced({
      TRUST_PROXY: 'false',
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    });
    await http.get('/healthz').set(traceparent(ids())).expect(200);
    await instance.stop();
    expect(collector.spans()).toEqual([]);
  });

  it('a request that a trusted proxy does not sample is not sampled here', async () => {
    const [silent, loud] = [ids(), ids()];
    await traced.http.get('/readyz').set(traceparent(silent, '00')).expect(200);
    await traced.http.get('/readyz').set(traceparent(loud)).expect(200);
    await traceOf(traced.collector, loud.traceId);
    expect(traced.collector.spans().filter(({ traceId }) => traceId === silent.traceId)).toEqual([]);
  });

  it.each(['nonsense', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`, '00-xyz', `00-${'a'.repeat(32)}`])(
    'the invalid traceparent %s starts a new trace',
    async (text) => {
      const before = traced.collector.spans().length;
      await traced.http.get('/healthz').set({ traceparent: text }).expect(200);
      await vi.waitFor(() => expect(traced.collector.spans().length).toBeGreaterThan(before));
      const [span] = traced.collector.spans().slice(before);
      expect(span?.traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
      expect(span?.parentSpanId || undefined).toBeUndefined();
    },
  );

  it('sending a mail is its own trace', async () => {
    await traced.http
      .post('/auth/signup')
      .send({ username: 'mailed', password: goodPassword, email: 'mailed@mail.example' })
      .expect(201);
    await vi.waitFor(() => expect(traced.collector.spans().map(({ name }) => name)).toContain('send mail'), {
      timeout: 5_000,
    });
  });

  it('no span contains a secret, an address or a name of a user', async () => {
    const secrets = {
      password: 'a password that nobody else has',
      email: 'grace@secret-mail.example',
      username: 'grace-of-nobody-else',
      query: 'value-in-a-query',
      title: 'title-of-a-todo',
      userAgent: 'agent-of-nobody-else',
    };
    const last = ids();
    const { http } = traced;
    const { body } = await http
      .post('/auth/signup')
      .set('User-Agent', secrets.userAgent)
      .send({ username: secrets.username, password: secrets.password, email: secrets.email })
      .expect(201);
    const bearer = { Authorization: `Bearer ${body.access_token}` };
    await http.post('/auth/login').send({ username: secrets.email, password: secrets.password }).expect(200);
    await http.post('/auth/login').send({ username: secrets.username, password: secrets.title }).expect(401);
    await http.post('/auth/refresh').send({ refresh_token: body.refresh_token }).expect(200);
    await http.post('/auth/password/forgot').send({ email: secrets.email }).expect(202);
    await http.post('/auth/signup').send({ username: secrets.username, password: secrets.password }).expect(409);
    await http.get(`/me?x=${secrets.query}&access_token=${body.access_token}`).set(bearer).expect(200);
    await http.get(`/verify-email?token=${secrets.query}`).expect(200);
    await http.post('/todos').set(bearer).send({ title: secrets.title }).expect(201);
    await http.post('/auth/logout').set(bearer).set(traceparent(last)).expect(204);
    await traceOf(traced.collector, last.traceId);
    const sent = traced.collector.requests.map(({ body }) => body.toString()).join();
    expect(sent).toContain('/auth/password/forgot');
    const tokens = [body.access_token, body.refresh_token, body.device_token].flatMap((token) => token.split('.'));
    for (const secret of [...Object.values(secrets), ...tokens, '$argon2']) expect(sent).not.toContain(secret);
  });

  it('spans are sent as protobuf by default, to the OTLP path, with the headers from the environment', async () => {
    const { collector, http } = await startTraced({
      OTEL_EXPORTER_OTLP_PROTOCOL: '',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=shop',
    });
    await http.get('/healthz').expect(200);
    await vi.waitFor(() => expect(collector.requests).not.toEqual([]), { timeout: 5_000 });
    expect(collector.requests[0]).toMatchObject({
      path: '/v1/traces',
      headers: { 'content-type': 'application/x-protobuf', 'x-tenant': 'shop' },
    });
  });

  it('the remaining spans are sent at the stop', async () => {
    const { collector, instance, http } = await startTraced({ OTEL_BSP_SCHEDULE_DELAY: '60000' });
    await http.get('/healthz').expect(200);
    await instance.stop();
    expect(collector.spans().map(({ name }) => name)).toContain('GET /healthz');
  });

  it('requests and the stop work as usual while the collector is unavailable', async () => {
    const { instance, http } = await startTraced({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    await http.get('/healthz').expect(200);
    await instance.stop();
    expect(instance.logs.join()).toContain('"msg":"stopped"');
  });
});

describe('Without an endpoint for traces', () => {
  it('nothing is traced, even if the client sends a traceparent', async () => {
    const app = await startAppForTest();
    expect(app.deps.tracing).toBeUndefined();
    await app.http.get('/healthz').set(traceparent(ids())).expect(200);
    await sleep(50);
    expect(app.logs.filter(({ msg }) => msg === 'request')).toHaveLength(1);
    expect(JSON.stringify(app.logs)).not.toContain('trace_id');
  });
});
