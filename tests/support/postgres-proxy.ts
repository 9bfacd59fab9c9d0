import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A proxy between a server and its Postgres that understands the protocol and can cut a connection at any statement.
 */
export type PostgresProxy = {
  /** The URL of the database through this proxy. */
  url: string;
  /**
   * The statements of interest so far, in order; empty it as you like. Connections that LISTEN are left out, because
   * they have a heartbeat.
   */
  statements: string[];
  /**
   * Cuts the connection at the n-th statement of interest from now on: `before` Postgres gets it, or `after` Postgres
   * has answered it, so that the answer is lost.
   * @returns a function that stops the cutting and returns the statement that was cut, if any
   */
  cutAt(n: number, when: 'before' | 'after'): () => string | undefined;
  close(): void;
};

type Cut = { left: number; when: 'before' | 'after'; happenedTo?: string };

/**
 * @param url the real URL of Postgres
 * @param isOfInterest which statements count
 */
export async function startPostgresProxy(url: string, isOfInterest: (sql: string) => boolean): Promise<PostgresProxy> {
  const statements: string[] = [];
  const sockets = new Set<Socket>();
  let cut: Cut | undefined;

  function decide(sql: string): 'pass' | Cut['when'] {
    if (!isOfInterest(sql)) return 'pass';
    statements.push(sql);
    if (cut === undefined || cut.happenedTo !== undefined || --cut.left > 0) return 'pass';
    cut.happenedTo = sql;
    return cut.when;
  }

  const server = createServer((client) => {
    const { hostname, port } = new URL(url);
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    const end = () => {
      client.destroy();
      upstream.destroy();
      sockets.delete(client);
      sockets.delete(upstream);
    };
    client.on('close', end);
    upstream.on('close', end);
    relay(client, upstream, decide, end);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const own = new URL(url);
  own.port = String((server.address() as AddressInfo).port);
  return {
    url: own.href,
    statements,
    cutAt(n, when) {
      const mine: Cut = { left: n, when };
      cut = mine;
      return () => {
        if (cut === mine) cut = undefined;
        return mine.happenedTo;
      };
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function relay(client: Socket, upstream: Socket, decide: (sql: string) => 'pass' | Cut['when'], end: () => void): void {
  let silenced = false;
  const takeAnswers = messageReader(false, (type) => silenced && type === 'Z' && end());
  upstream.on('data', (bytes: Buffer) => {
    if (silenced) takeAnswers(bytes);
    else client.write(bytes);
  });

  // The messages of one statement are held back until it is complete: Query, or Parse … Sync.
  let held: Buffer[] = [];
  let sql = '';
  const named = new Map<string, string>();
  let listens = false;
  const takeRequests = messageReader(true, (type, message) => {
    held.push(message);
    if (type === 'P') named.set(textAfter(message, 5), textAfter(message, message.indexOf(0, 5) + 1));
    // A statement with a name is parsed once and bound often.
    if (type === 'B') sql = named.get(textAfter(message, message.indexOf(0, 5) + 1)) ?? '';
    if (type === 'Q') sql = textAfter(message, 5);
    if (/[PBDECH]/.test(type)) return;
    listens ||= sql.startsWith('LISTEN');
    const verdict = !listens && /[QS]/.test(type) ? decide(sql.trim()) : 'pass';
    if (verdict === 'before') return end();
    silenced ||= verdict === 'after';
    upstream.write(Buffer.concat(held));
    held = [];
  });
  client.on('data', takeRequests);
}

function textAfter(message: Buffer, start: number): string {
  return message.toString('utf8', start, message.indexOf(0, start));
}

/** Splits a stream into messages of the protocol. The first message of a client has no type. */
function messageReader(untypedFirst: boolean, take: (type: string, message: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let untyped = untypedFirst;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const typeSize = untyped ? 0 : 1;
      if (rest.length < typeSize + 4) return;
      const size = typeSize + rest.readInt32BE(typeSize);
      if (rest.length < size) return;
      const message = rest.subarray(0, size);
      rest = rest.subarray(size);
      take(untyped ? '' : String.fromCharCode(message[0] ?? 0), message);
      untyped = false;
    }
  };
}
