import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.js';
import { openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import type { FileFolder } from '../platform/http/endpoint.js';
import { page } from '../platform/http/page.js';

type Setting = Pick<Config, 'playground'>;

export function files(setting: Setting): FileFolder {
  return loadable(setting, 'playground/dist');
}

export function clientFiles(setting: Setting): FileFolder {
  return loadable(setting, 'client/dist');
}

export const show = pageEndpoint('showPlayground', 'The playground: a page to try everything');

/** The same page: the default of `REDIRECT_URIS` leads here, unless there is a front end. */
export const callback = pageEndpoint('showPlaygroundCallback', 'The playground after a provider’s answer');

/** A page to try everything, without inline scripts or styles. @throws AppError not_found if `PLAYGROUND` is off */
function pageEndpoint(name: string, summary: string) {
  return openEndpoint({
    name,
    summary,
    statements: 0,
    reply: [200, 'text/html'],
    returns: 'The page.',
    errors: ['not_found'],
    async handler({ deps: { config } }) {
      if (!config.playground) throw new AppError('not_found');
      const html = await readFile(join(built('playground/dist'), 'index.html'), 'utf8');
      const sources = { scripts: ["'self'"], styles: ["'self'"], images: ["'self'", 'data:'] };
      const { playgroundService: other } = config;
      if (other === undefined) return page(html, sources);
      return page(html.replace('</head>', `<meta name="other-service" content="${other}">\n</head>`), {
        ...sources,
        connects: [new URL(other).origin],
      });
    },
  });
}

function loadable({ playground }: Setting, path: string): FileFolder {
  const folder = built(path);
  return { folder, names: playground ? readdirSync(folder).filter((name) => /\.(js|css|svg)$/.test(name)) : [] };
}

function built(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
