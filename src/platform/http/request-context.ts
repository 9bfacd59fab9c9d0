import type { Request, Response } from 'express';
import { validate as isUuid } from 'uuid';
import type { z } from 'zod';
import { AppError } from '../../errors.js';
import { checkInput } from './body.js';
import { callerOf } from './caller.js';
import type { Context, Cookies } from './endpoint.js';

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
    this.id = idOf(req.params.id);
    this.#req = req;
    this.#cookies = cookies;
  }

  get innerId() {
    const [, id] = Object.entries(this.#req.params).find(([name]) => name.endsWith('_id')) ?? [];
    return idOf(id);
  }

  get caller() {
    return callerOf(this.#req);
  }

  get cookies() {
    return this.#cookies();
  }

  header(name: 'if-none-match' | 'last-event-id'): string | undefined {
    const value = this.#req.headers[name];
    return typeof value === 'string' ? value : undefined;
  }
}

function idOf(id: string | string[] | undefined): string {
  // Not an id, so it names nothing; do not ask the database.
  if (id !== undefined && !isUuid(id)) throw new AppError('not_found');
  // As the database writes it: what is remembered of a user must be found under the id that their tokens have.
  return String(id).toLowerCase();
}
