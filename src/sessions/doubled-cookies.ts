import type { Request, Response } from 'express';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { pathOf } from '../platform/http/request-path.js';
import { attributesByName } from './cookies.js';

type Settings = Pick<Config, 'cookies' | 'tokens'>;

/**
 * Refuses a request that has one of our cookie names twice: another host of the domain, or another path, has set one of
 * the two, and nobody can tell which (RFC 6265 §8.6). The answer clears what is not ours where it can be, so that the
 * next request is good again.
 */
export function createRefuseDoubledCookies({ cookies, tokens }: Settings): (req: Request, res: Response) => void {
  const ours = attributesByName(cookies);
  const domains = domainsOf(new URL(tokens.issuer).hostname);
  return (req, res) => {
    const { cookie = '' } = req.headers;
    for (const [name, own] of ours) {
      if (!isTwice(cookie, name)) continue;
      for (const path of pathsOf(cookies.publicPath, pathOf(req)))
        for (const domain of domains)
          if (path !== own.path || domain !== own.domain) res.clearCookie(name, { ...own, path, domain });
      throw new AppError('invalid_request', {
        detail: `The cookie ${name} came twice: another host or path of this domain has set one. What could be cleared is cleared. Try again, then log in.`,
      });
    }
  };
}

function isTwice(header: string, name: string): boolean {
  const first = header.indexOf(`${name}=`);
  // Almost always there is no second one, and nothing has to be split.
  if (first < 0 || header.indexOf(`${name}=`, first + 1) < 0) return false;
  return header.split(';').filter((pair) => pair.split('=', 1)[0]?.trim() === name).length > 1;
}

/** No domain is the host alone; each other one is a host above it. */
function domainsOf(host: string): (string | undefined)[] {
  const labels = host.split('.');
  if (!/[a-z]/i.test(labels.at(-1) ?? '')) return [undefined];
  return [
    undefined,
    ...labels
      .slice(0, -1)
      .map((_, n) => labels.slice(n).join('.'))
      .slice(-3),
  ];
}

/** The paths of cookies that browsers send with this request (RFC 6265 §5.1.4), as far as they are usual. */
function pathsOf(publicPath: string, path: string): string[] {
  const above = ['', publicPath, `${publicPath}/auth`].flatMap((one) => [one, `${one}/`]);
  // An id could be any text.
  const own = /^[\w./-]*$/.test(path) ? [publicPath + path] : [];
  return [...new Set([...above, ...own])].filter((one) => one !== '');
}
