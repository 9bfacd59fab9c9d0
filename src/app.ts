import express, { type Express } from 'express';
import type { Deps } from './deps.js';
import { AppError } from './errors.js';
import { answerHeaders } from './http/answer-headers.js';
import { errorHandler } from './http/error-handler.js';
import { mount } from './http/mount.js';
import { requestLog } from './http/request-log.js';
import { routes } from './routes.js';

/** The whole application, in the order in which a request passes through it. */
export function createApp(deps: Deps): Express {
  const { config, log } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', config.trustProxy);
  app.enable('case sensitive routing');

  app.use(requestLog(log));
  app.use(answerHeaders(config.corsOrigins));
  mount(app, routes, deps);
  app.use(() => {
    throw new AppError('not_found');
  });
  app.use(errorHandler(log));
  return app;
}
