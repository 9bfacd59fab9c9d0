/** Of an app (RFC 8252 §7.1): with a dot, as a domain that its maker has. */
const appScheme = /^[a-z][a-z\d+-]*(?:\.[a-z\d+-]+)+:\/(?!\/)[^\s#]*$/;

/** Apps on this machine listen on whatever port is free (RFC 8252 §7.3). */
const loopback = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?(\/[^\s#]*)$/;

/** Whether it may stand in `REDIRECT_URIS`: nobody else gets what is sent there. */
export function isRedirectUri(text: string): boolean {
  // It becomes a header as it is.
  if (!/^[\x21-\x7e]+$/.test(text)) return false;
  if (appScheme.test(text) || loopback.test(text)) return true;
  if (!URL.canParse(text) || /[\s#\\*]/.test(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  const isSafe = protocol === 'https:' || (protocol === 'http:' && hostname === 'localhost');
  return isSafe && /^https?:\/\/[^/@]+\//.test(text) && username + password === '';
}

/** Compared exactly (RFC 9700 §2.1), but for the port of a loopback address. */
export function isListed(uri: string, list: string[]): boolean {
  const [, host, rest] = (URL.canParse(uri) && loopback.exec(uri)) || [];
  const withoutPort = host === undefined ? uri : `${host}${rest}`;
  return list.some((one) => {
    const [, listedHost, listedRest] = loopback.exec(one) ?? [];
    return listedHost === undefined ? one === uri : `${listedHost}${listedRest}` === withoutPort;
  });
}

/** The URI with these added to its query (RFC 6749 §4.1.2). */
export function withParameters(uri: string, parameters: Record<string, string | undefined>): string {
  const added = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams(added)}`;
}
