import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accepts, createProgram, freePort } from './programs.mjs';

const source = new URL('../nginx/', import.meta.url);
const read = (name) => readFileSync(new URL(name, source), 'utf8');

/** nginx with deploy/nginx/nginx.conf, except for port and folder, in front of the instances on these ports. */
export async function createNginx(dir, instancePorts) {
  const port = await freePort();
  writeFileSync(
    join(dir, 'nginx.conf'),
    read('nginx.conf').replace('listen 8080;', `listen 127.0.0.1:${port};`).replaceAll('/tmp/', `${dir}/`),
  );
  writeFileSync(join(dir, 'upstream.conf'), upstreamOf(instancePorts));
  const root = process.getuid?.() === 0 ? 'user root; ' : '';
  const log = join(dir, 'nginx.log');
  const program = createProgram({
    command: 'nginx',
    args: ['-p', dir, '-c', join(dir, 'nginx.conf'), '-g', `${root}daemon off;`],
    log,
    isUp: () => accepts(port),
  });
  return Object.assign(program, { url: `http://127.0.0.1:${port}`, log });
}

/** deploy/nginx/upstream.conf with addresses instead of a name: no resolver needed. */
function upstreamOf(ports) {
  return read('upstream.conf')
    .replace(/^ *resolver .*\n/m, '')
    .replace(/^( *server )api:3000 resolve( .*\n)/m, (_line, server, settings) =>
      ports.map((port) => `${server}127.0.0.1:${port}${settings}`).join(''),
    );
}
