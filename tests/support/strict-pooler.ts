import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

// Those that PgBouncer takes; it refuses every other one unless its configuration ignores that.
const taken = new Set(['user', 'database', 'client_encoding', 'application_name', 'DateStyle', 'TimeZone']);

/** A pooler in front of this Postgres that refuses startup parameters, as PgBouncer does. @returns its URL */
export async function startStrictPooler(url: string): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client.on('error', () => undefined));
    client.once('data', (startup: Buffer) => {
      const refused = parametersOf(startup).find((name) => !taken.has(name));
      if (refused) return void client.end(fatal('08P01', `unsupported startup parameter: ${refused}`));
      const { hostname, port } = new URL(url);
      const upstream = connect(Number(port), hostname).on('error', () => client.destroy());
      sockets.add(upstream);
      upstream.on('close', () => client.destroy());
      client.on('close', () => upstream.destroy());
      upstream.write(startup);
      client.pipe(upstream).pipe(client);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return Object.assign(new URL(url), { port: String((server.address() as AddressInfo).port) }).href;
}

// After length and protocol: name, NUL, value, NUL …
function parametersOf(startup: Buffer): string[] {
  const words = startup.toString('utf8', 8).split('\0');
  return words.filter((word, index) => index % 2 === 0 && word !== '');
}

function fatal(state: string, message: string): Buffer {
  const body = Buffer.from(`SFATAL\0VFATAL\0C${state}\0M${message}\0\0`);
  const head = Buffer.from('E....');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
