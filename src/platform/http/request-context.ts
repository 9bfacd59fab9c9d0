import type { Request, Response } from 'express';
import { validate as isUuid } from 'uuid';
import type { z } from 'zod';
import { AppError } from '../../errors.js';
import { checkInput } from './body.js';
import { callerOf } from './caller.js';
import type { Context, Cookies } from './endpoint.js';

/** Body fields are refused in the query, where logs and histories would keep them (ASVS 14.2.1). */
function refuseQuery(fields: string[]): RequestHandler {
  return (req, _res, next) => {
    const misplaced = fields.filter((field) => field in req.query);
    if (misplaced.length > 0)
      throw new AppError('invalid_request', { detail: `Send ${misplaced.join(', ')} in the body, not in the query.` });
    next();
  };
}

function checkBody(schema: z.ZodType): RequestHandler {
  return (req, _res, next) => {
    req.body = checkInput(schema, req.body ?? (schema instanceof z.ZodDefault ? undefined : {}));
    next();
  };
}

function refuseCookiesCrossSite({ wantsCookies }: Credentials, refuseCrossSite: RefuseCrossSite): RequestHandler {
  return (req, _res, next) => {
    if (wantsCookies(req.body)) refuseCrossSite(req);
    next();
  };
}

// Getters, because most handlers need neither caller nor cookies. Of a class, because those of an object literal create
// a hidden class per request: a quarter of a small request's time.
export class RequestContext<Deps> implements Context<Deps, unknown, unknown, unknown> {
  readonly deps: Deps;
  readonly principal: unknown;
  readonly body: unknown;
  readonly query: unknown;
  readonly id: string;
  readonly #req: Request;
  readonly #cookies: () => Cookies;

  constructor(deps: Deps, req: Request, res: Response, query: z.ZodType | undefined, cookies: () => Cookies) {
    this.deps = deps;
    this.principal = res.locals.principal;
    this.body = req.body;
    this.query = query ? checkInput(query, req.query, 'query') : undefined;
    this.id = idOf(req);
    this.#req = req;
    this.#cookies = cookies;
  }

  get caller() {
    return callerOf(this.#req);
  }

  get cookies() {
    return this.#cookies();
  }
}

function idOf({ params: { id } }: Request): string {
  // Not an id, so it names nothing; do not ask the database.
  if (id !== undefined && !isUuid(id)) throw new AppError('not_found');
  return String(id);
}
