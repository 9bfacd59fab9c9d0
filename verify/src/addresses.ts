const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether what is fetched there cannot be changed on its way. */
export function isSafe(url: string): boolean {
  const { protocol, hostname, username, password } = new URL(url);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));
}

/** Where the metadata of an issuer is: its path comes last (RFC 8414 §3.1). */
export function metadataUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}/.well-known/oauth-authorization-server${withoutSlash(pathname)}`;
}

/**
 * Where an endpoint of the issuer is reached by this service.
 * @throws Error if it is of another origin: keys and list come from the issuer alone
 */
export function reachedAt(endpoint: string, { issuer, url }: { issuer: string; url: string }): string {
  const [at, from, to] = [new URL(endpoint), new URL(issuer), new URL(url)];
  if (at.origin !== from.origin) throw new Error(`The metadata of ${issuer} names another origin: ${at.origin}.`);
  const [prefix, path] = [withoutSlash(from.pathname), at.pathname];
  const own = path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
  return `${to.origin}${withoutSlash(to.pathname)}${own}${at.search}`;
}

function withoutSlash(path: string): string {
  return path.replace(/\/$/, '');
}
