import express, { type Express } from 'express';
import type { Deps } from './deps.js';
import type { Row } from './endpoint.js';
import { AppError } from './errors.js';
import { checkRows } from './permissions/permissions.js';
import { ignorePorts } from './platform/http/caller.js';
import { createRefuseCrossSite } from './platform/http/cross-site.js';
import { errorHandler } from './platform/http/error-handler.js';
import { mount } from './platform/http/mount.js';
import { behindOurs } from './platform/http/own-rows.js';
import { refuseFloods } from './platform/http/rate-limit-general.js';
import { requestLog } from './platform/http/request-log.js';
import { traceRequests } from './platform/http/request-trace.js';
import { responseHeaders } from './platform/http/response-headers.js';
import { serveFiles } from './platform/http/static-files.js';
import { warnOfUntrustedProxy } from './platform/http/untrusted-proxy.js';
import { files, isOwnRow, routes } from './routes.js';
import { sessionCredentials } from './sessions/credentials.js';
import { permitOf } from './sessions/permit.js';
import { stepUpOf } from './sessions/step-up.js';
import { wakeAfterDeeds } from './webhooks/wake.js';

/** The whole application, in the order in which a request passes. @param rows for tests: other rows than the table's */
export function createApp(deps: Deps, rows: Row[] = routes): Express {
  checkRows(rows);
  const { config, log, metrics, tracing } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', config.trustProxy);
  ignorePorts(app);
  app.enable('case sensitive routing');

  if (tracing) app.use(traceRequests(tracing));
  app.use(requestLog(log, metrics.requests));
  app.use(responseHeaders(config.corsOrigins));
  if (config.trustProxy === false) app.use(warnOfUntrustedProxy(log));
  const rules = new Map(rows.flatMap(({ path, general }) => (general ? [[path, general]] : [])));
  if (deps.limits) app.use(refuseFloods(deps.limits.general, rules));
  const refuseCrossSite = createRefuseCrossSite({
    urls: [config.tokens.issuer, config.appUrl],
    origins: config.corsOrigins,
    production: config.production,
  });
  app.use(wakeAfterDeeds(deps.webhookWake));
  mount(app, behindOurs(rows, isOwnRow), {
    deps,
    credentials: sessionCredentials(config),
    refuseCrossSite,
    demands: (row) => [...permitOf(row), ...stepUpOf(row, config.acr)],
  });
  // Files come after the routes, so that no route waits for them.
  for (const [path, folder] of Object.entries(files)) app.use(path, serveFiles(folder(config)));
  app.use(() => {
    throw new AppError('not_found');
  });
  app.use(errorHandler(log, rows));
  return app;
}
