type Cookie = { value: string; path: string; until: number };

/** `fetch` as a page on this origin has it in a browser: it keeps cookies and sends them by their paths. */
export function createBrowserFetch(origin: string): { fetch: typeof fetch; cookies: Map<string, Cookie> } {
  const cookies = new Map<string, Cookie>();
  const browserFetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    request.headers.set('Origin', origin);
    const { pathname } = new URL(request.url);
    if (request.credentials === 'include') request.headers.set('Cookie', headerFor(cookies, pathname));
    const answer = await fetch(request);
    if (request.credentials === 'include') for (const line of answer.headers.getSetCookie()) keep(cookies, line);
    return answer;
  };
  return { fetch: browserFetch, cookies };
}

function headerFor(cookies: Map<string, Cookie>, pathname: string): string {
  return [...cookies]
    .filter(([, { path, until }]) => until > Date.now() && pathname.startsWith(path))
    .map(([name, { value }]) => `${name}=${value}`)
    .join('; ');
}

function keep(cookies: Map<string, Cookie>, line: string): void {
  const [name = '', value = ''] = line.split(';')[0]?.split(/=(.*)/) ?? [];
  const attribute = (wanted: string) => new RegExp(`; ${wanted}=([^;]+)`, 'i').exec(line)?.[1];
  const maxAge = attribute('Max-Age');
  const until = maxAge === undefined ? Date.parse(attribute('Expires') ?? '') : Date.now() + Number(maxAge) * 1000;
  cookies.set(name, { value, path: attribute('Path') ?? '/', until });
}
