import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A span of OTLP's JSON, with its attributes as a plain object. */
export type SentSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  links?: { traceId: string; spanId: string; traceState?: string }[];
  name: string;
  /** 1 internal, 2 server, 3 client. */
  kind: number;
  status: { code?: number; message?: string };
  attributes: Record<string, unknown>;
  /** The resource that sent it. */
  resource: Record<string, unknown>;
};

/** A collector that keeps what it receives (OTLP over HTTP). */
export type OtlpReceiver = {
  url: string;
  /** Each request as it came. */
  requests: { path: string; headers: IncomingHttpHeaders; body: Buffer }[];
  /** All spans that came as JSON. */
  spans(): SentSpan[];
  close(): Promise<void>;
};

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const requests: OtlpReceiver['requests'] = [];
  const server = createServer(async (req, res) => {
    requests.push({ path: `${req.url}`, headers: req.headers, body: await buffer(req) });
    res.writeHead(200, { 'Content-Type': `${req.headers['content-type']}` }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    spans: () => requests.flatMap(({ body }) => spansIn(JSON.parse(body.toString()))),
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

type Attributes = { key: string; value: Record<string, unknown> }[];
type Export = {
  resourceSpans: {
    resource: { attributes: Attributes };
    scopeSpans: { spans: (Omit<SentSpan, 'attributes'> & { attributes: Attributes })[] }[];
  }[];
};

function spansIn({ resourceSpans }: Export): SentSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({ ...span, attributes: plain(span.attributes), resource: plain(resource.attributes) })),
    ),
  );
}

function plain(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
