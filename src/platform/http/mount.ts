import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import { validate as isUuid } from 'uuid';
import { z } from 'zod';
import type { Deps } from '../../deps.js';
import { requireVerifiedEmail } from '../../email/guard.js';
import type { AnyRoute, Context, Guard } from '../../endpoint.js';
import { AppError } from '../../errors.js';
import { requireMetricsToken } from '../../health/guard.js';
import { createFindAccessToken } from '../../sessions/access-token-sources.js';
import { type AuthCookies, createAuthCookies } from '../../sessions/cookies.js';
import { checkInput, readBody } from './body.js';
import { fieldsOf } from './body-fields.js';
import { callerOf } from './caller.js';
import { createRefuseCrossSite, type RefuseCrossSite } from './cross-site.js';
import { createGuards } from './passport.js';
import { createRateLimit } from './rate-limit.js';
import { overrideHeaders, writeAnswer } from './response-headers.js';
import { needRole } from './role.js';
import { createSend, type Send } from './send.js';

type ReadCookies = AuthCookies['read'];

/** Puts the route table onto the app: each row becomes a list of named steps, and has none that it doesn't need. */
export function mount(app: Express, routes: AnyRoute[], deps: Deps): void {
  const cookies = createAuthCookies(deps.config.cookies);
  const findToken = createFindAccessToken(deps.config.tokens.sources, cookies);
  const refuseCrossSite = createRefuseCrossSite(deps.config);
  const limits = createRateLimit(deps, cookies);
  const guards: Record<Guard, RequestHandler> = {
    ...createGuards(deps, findToken, limits.countGuess),
    'metrics-token': requireMetricsToken(deps.config.metricsToken),
  };
  const handle = handling(deps, createSend(cookies));

  /** Nothing is parsed for a stranger, and no password is looked at before the body is clean and the try counted. */
  function stepsOf(row: AnyRoute): (RequestHandler | ErrorRequestHandler)[] {
    const role = row.role === undefined ? [] : [needRole(row.role)];
    const guard = row.guard === 'public' ? [] : [guards[row.guard as Guard], ...role];
    if (row.verifiedEmail) guard.push(requireVerifiedEmail(deps));
    const fields = row.body ? fieldsOf(row.body) : [];
    const body = row.body ? [readBody, checkBody(row.body)] : [];
    const { count, settle, refused } = limits.stepsFor(row);
    return [
      ...(fields.length > 0 ? [refuseQuery(fields)] : []),
      ...(row.method === 'GET' ? [] : [crossSiteByCookie(cookiesFor(row), refuseCrossSite)]),
      ...(needsBody(row)
        ? [...body, ...crossSiteByTransport(fields, refuseCrossSite), ...count, ...guard]
        : [...guard, ...body, ...count]),
      handle(row, cookiesFor(row), settle),
      ...refused,
    ];
  }

  /** Where a token that no browser sends by itself decides, cookies don't: they are as good as not there. */
  function cookiesFor(row: AnyRoute): ReadCookies {
    const bearerDecides = (req: Request) => !needsBody(row) && findToken(req)?.byCookie === false;
    return (req) => (bearerDecides(req) ? {} : cookies.read(req));
  }

  for (const rows of samePath(routes)) {
    const place = app.route(rows[0].path.replace(/\{(\w+)\}/g, ':$1'));
    for (const row of rows) place[methodOf(row)](...stepsOf(row));
    place.all(otherMethods(rows));
  }
}

function samePath(routes: AnyRoute[]): [AnyRoute, ...AnyRoute[]][] {
  const byPath = new Map<string, [AnyRoute, ...AnyRoute[]]>();
  for (const row of routes) {
    const rows = byPath.get(row.path);
    if (rows) rows.push(row);
    else byPath.set(row.path, [row]);
  }
  return [...byPath.values()];
}

function methodOf(row: AnyRoute) {
  return row.method.toLowerCase() as Lowercase<AnyRoute['method']>;
}

// A password is in the body, so the body comes first there; everywhere else who asks comes before what is asked.
function needsBody(row: AnyRoute): boolean {
  return row.guard === 'password' || row.guard === 'public';
}

/** What the body takes is never taken from the query, where logs and histories would keep it (ASVS 14.2.1). */
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

function crossSiteByCookie(readCookies: ReadCookies, refuseCrossSite: RefuseCrossSite): RequestHandler {
  return (req, _res, next) => {
    const { accessToken, refreshToken } = readCookies(req);
    if (accessToken !== undefined || refreshToken !== undefined) refuseCrossSite(req);
    next();
  };
}

function crossSiteByTransport(fields: string[], refuseCrossSite: RefuseCrossSite): RequestHandler[] {
  if (!fields.includes('transport')) return [];
  return [
    (req, _res, next) => {
      if (req.body.transport === 'cookie') refuseCrossSite(req);
      next();
    },
  ];
}

type Settle = ((res: Response) => Promise<void>) | undefined;

function handling(deps: Deps, send: Send): (row: AnyRoute, readCookies: ReadCookies, settle: Settle) => RequestHandler {
  return (row, readCookies, settle) => async (req, res) => {
    const reply = await row.handler(new RequestContext(deps, row, req, readCookies));
    if (settle) await settle(res);
    send(res, reply);
  };
}

/**
 * What a handler gets. Caller and cookies are worked out only where it asks: most don't. They are a class's getters,
 * because those of an object literal make a hidden class for each request, which took a quarter of a small one.
 */
class RequestContext implements Context<Guard, unknown, unknown> {
  readonly deps: Deps;
  readonly principal: never;
  readonly body: unknown;
  readonly query: unknown;
  readonly id: string;
  readonly #req: Request;
  readonly #readCookies: ReadCookies;

  constructor(deps: Deps, row: AnyRoute, req: Request, readCookies: ReadCookies) {
    this.deps = deps;
    this.principal = req.user as never;
    this.body = req.body;
    this.query = row.query ? checkInput(row.query, req.query, 'query') : undefined;
    this.id = idOf(req);
    this.#req = req;
    this.#readCookies = readCookies;
  }

  get caller() {
    return callerOf(this.#req);
  }

  get cookies() {
    return this.#readCookies(this.#req);
  }
}

function idOf({ params: { id } }: Request): string {
  // What is no id names nothing; the database is not to be asked about it.
  if (id !== undefined && !isUuid(id)) throw new AppError('not_found');
  return String(id);
}

/** RFC 9110 §15.5.6: 405 says what the path does take. */
function otherMethods(rows: AnyRoute[]): RequestHandler {
  const methods = rows.flatMap((row) => (row.method === 'GET' ? ['GET', 'HEAD'] : [row.method]));
  const allow = [...methods, 'OPTIONS'].join(', ');
  return (req, res) => {
    overrideHeaders(res, { Allow: allow });
    if (req.method !== 'OPTIONS') throw new AppError('method_not_allowed');
    writeAnswer(res, 204, []);
  };
}
