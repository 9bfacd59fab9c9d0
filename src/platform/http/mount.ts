import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { checkInput, readBody, readForm } from './body.js';
import { fieldsOf } from './body-fields.js';
import type { RefuseCrossSite } from './cross-site.js';
import type { BaseDeps, Cookies, Guard, Row } from './endpoint.js';
import { EventStream } from './event-stream.js';
import { JsonStream } from './json-stream.js';
import { createRateLimit } from './rate-limit.js';
import { RequestContext } from './request-context.js';
import { expressPath } from './request-path.js';
import { overrideHeaders, writeAnswer } from './response-headers.js';
import { send } from './send.js';

/** How clients authenticate: what the steps need without importing sessions. */
export type Credentials = {
  /** Whether the request has a token that a browser does not send by itself. */
  inHeader(req: Request): boolean;
  /** Whether it has it in the query, where the page of another site can put one of its own. */
  inQuery(req: Request): boolean;
  cookies(req: Request): Cookies;
  areTokens(cookies: Cookies): boolean;
  /** @throws AppError invalid_request if a cookie came twice; `res` gets what clears it */
  refuseDoubled(req: Request, res: Response): void;
  wantsCookies(body: unknown): boolean;
};

type MountOptions<Deps extends BaseDeps> = {
  deps: Deps;
  credentials: Credentials;
  refuseCrossSite: RefuseCrossSite;
  /** The steps that check what the row asks of a token besides its being good. */
  demands(row: Row<Deps>): RequestHandler[];
};

type Steps = (RequestHandler | ErrorRequestHandler)[];

/** Mounts the route table: each row becomes a list of named steps, without any that it does not need. */
export function mount<Deps extends BaseDeps>(app: Express, rows: Row<Deps>[], options: MountOptions<Deps>): void {
  const { deps, credentials, refuseCrossSite, demands } = options;
  const guards = createGuardSteps(deps);
  const { cookiesCount, cookiesFor } = createCookiesFor<Deps>(credentials);
  const limitsFor = createRateLimit(deps, cookiesFor);

  // Nothing is parsed before authentication, and no password checked before the body is valid and the attempt counted.
  function stepsOf(row: Row<Deps>): Steps {
    const { body, query, form } = row.endpoint;
    const fields = body ? fieldsOf(body) : [];
    const guard = [...guards(row.guard), ...demands(row)];
    const read = body ? (form ? [readForm, checkForm(body)] : [readBody, checkBody(body)]) : [];
    const byTransport = fields.includes('transport') ? [refuseCookiesCrossSite(credentials, refuseCrossSite)] : [];
    const { count, settle, refused } = limitsFor(row);
    return [
      ...(row.endpoint.reply[1] === 'text/html' && row.path !== '/' ? [withoutSlash] : []),
      ...(fields.length > 0 ? [refuseQuery(fields)] : []),
      ...(row.method === 'GET' && row.guard.bodyFirst ? [] : [refuseDoubledCookies(row)]),
      ...(row.method === 'GET' ? [] : [refuseCrossSiteCookies(row)]),
      ...(row.guard.bodyFirst ? [...read, ...byTransport, ...count, ...guard] : [...guard, ...read, ...count]),
      handle(row, query, settle),
      ...refused,
    ];
  }

  function refuseCrossSiteCookies(row: Row<Deps>): RequestHandler {
    return (req, _res, next) => {
      if (credentials.areTokens(cookiesFor(row, req))) refuseCrossSite(req);
      next();
    };
  }

  function refuseDoubledCookies(row: Row<Deps>): RequestHandler {
    return (req, res, next) => {
      if (req.headers.cookie !== undefined && cookiesCount(row, req)) credentials.refuseDoubled(req, res);
      next();
    };
  }

  function handle(
    row: Row<Deps>,
    query: z.ZodType | undefined,
    settle: ((res: Response, isMiss?: boolean) => Promise<void>) | undefined,
  ): RequestHandler {
    const { handler, reply } = row.endpoint;
    return async (req, res) => {
      const answer = await handler(new RequestContext(deps, req, res, query, () => cookiesFor(row, req)) as never);
      try {
        if (settle) await settle(res, answer.isMiss);
      } catch (error) {
        if (answer.body instanceof JsonStream || answer.body instanceof EventStream) await answer.body.cancel();
        throw error;
      }
      // The page of another site must not clear the cookies of its visitors.
      const leavesCookies = answer.cookies !== undefined && !row.guard.bodyFirst && credentials.inQuery(req);
      return send(res, reply, leavesCookies ? { ...answer, cookies: [] } : answer);
    };
  }

  for (const samePath of byPath(rows)) {
    const place = app.route(expressPath(samePath[0].path));
    for (const row of samePath) place[row.method.toLowerCase() as Lowercase<typeof row.method>](...stepsOf(row));
    place.all(otherMethods(samePath));
  }
}

/** No cookies count if the request has a token that a browser does not send by itself. */
function createCookiesFor<Deps extends BaseDeps>({ inHeader, cookies }: Credentials) {
  const cookiesCount = ({ guard }: Row<Deps>, req: Request): boolean =>
    !guard.ignoresCookies && (guard.bodyFirst === true || !inHeader(req));
  const cookiesFor = (row: Row<Deps>, req: Request): Cookies => (cookiesCount(row, req) ? cookies(req) : {});
  return { cookiesCount, cookiesFor };
}

function createGuardSteps<Deps extends BaseDeps>(deps: Deps): (guard: Guard<Deps, unknown>) => RequestHandler[] {
  const made = new Map<Guard<Deps, unknown>, RequestHandler>();
  return (guard) => {
    const known = made.get(guard);
    if (known) return [known];
    const pass = guard.step?.(deps);
    if (!pass) return [];
    const step: RequestHandler = (req, res, next) =>
      pass(
        req,
        res,
        (principal) => {
          res.locals.principal = principal;
          next();
        },
        next,
      );
    made.set(guard, step);
    return [step];
  };
}

function byPath<Deps extends BaseDeps>(all: Row<Deps>[]): [Row<Deps>, ...Row<Deps>[]][] {
  const found = new Map<string, [Row<Deps>, ...Row<Deps>[]]>();
  for (const row of all) {
    const rows = found.get(row.path);
    if (rows) rows.push(row);
    else found.set(row.path, [row]);
  }
  return [...found.values()];
}

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

/** What is wrong is one thing to clients of OAuth (RFC 6749 §5.2). */
function checkForm(schema: z.ZodType): RequestHandler {
  return (req, _res, next) => {
    const parsed = schema.safeParse(req.body ?? {});
    if (!parsed.success) throw new AppError('invalid_request', { detail: firstIssue(parsed.error) });
    req.body = parsed.data;
    next();
  };
}

function firstIssue({ issues }: z.ZodError): string {
  const [name = ''] = issues[0]?.path ?? [];
  return `The parameter ${String(name)} is missing or not valid.`;
}

function refuseCookiesCrossSite({ wantsCookies }: Credentials, refuseCrossSite: RefuseCrossSite): RequestHandler {
  return (req, _res, next) => {
    if (wantsCookies(req.body)) refuseCrossSite(req);
    next();
  };
}

/** The links of a page are relative to its path, which a slash at its end would change. */
const withoutSlash: RequestHandler = (req, res, next) => {
  if (!req.path.endsWith('/')) return next();
  const [path = '', ...query] = req.originalUrl.split('?');
  overrideHeaders(res, { Location: [`../${path.split('/').at(-2)}`, ...query].join('?') });
  writeAnswer(res, 308, []);
};

/** RFC 9110 §15.5.6: 405 lists the allowed methods. */
function otherMethods<Deps extends BaseDeps>(rows: Row<Deps>[]): RequestHandler {
  const methods = rows.flatMap((row) => (row.method === 'GET' ? ['GET', 'HEAD'] : [row.method]));
  const allow = [...methods, 'OPTIONS'].join(', ');
  return (req, res) => {
    overrideHeaders(res, { Allow: allow });
    if (req.method !== 'OPTIONS') throw new AppError('method_not_allowed');
    writeAnswer(res, 204, []);
  };
}
