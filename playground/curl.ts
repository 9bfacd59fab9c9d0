import type { Exchange } from './exchange.js';

/** The same request for a POSIX shell, complete. */
export function curlOf({ method, url, cookies, request }: Exchange): string {
  const headers = request.headers.map(([name, value]) => `-H ${quoted(`${properCase(name)}: ${value}`)}`);
  // curl needs a file for cookies, and a server with cookies needs an Origin.
  if (cookies) headers.push('-b cookies.txt -c cookies.txt', `-H ${quoted(`Origin: ${url.origin}`)}`);
  const verb = method === 'GET' ? [] : [`-X ${method}`];
  const body = request.body === '' ? [] : [`-d ${quoted(request.body)}`];
  return [`curl -i ${quoted(url.href)}`, ...verb, ...headers, ...body].join(' \\\n  ');
}

/** Browsers give names in lower case; people know them otherwise. */
export function properCase(name: string): string {
  return name
    .replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
    .replace('Www', 'WWW')
    .replace('Ratelimit', 'RateLimit');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
