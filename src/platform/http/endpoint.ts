import type { CookieOptions, NextFunction, Request, Response } from 'express';
import type { z } from 'zod';
import type { oas31 } from 'zod-openapi';
import type { ErrorCode } from '../../errors.js';
import type { Caller } from '../caller.js';
import type { Limit } from '../limits/limit.js';
import type {} from './locals.js';

/** What rows work with: the settings, and the limits where they are on. A room's own `Deps` has more. */
export type BaseDeps = { config: object; limits: object | undefined };

/** What an answer is that isn't JSON. */
export type MediaType = 'text/html' | 'text/plain';

/** What an endpoint answers when all is well: the status, and the body's schema or its media type; or no body. */
export type ReplySpec = readonly [status: number, body?: z.ZodType | MediaType];

/** Headers that a client may look for in a good answer. */
export type ReplyHeader = 'Set-Cookie' | 'Location' | 'Content-Disposition';

/** The cookies of a request, by name. */
export type Cookies = Readonly<Record<string, string | undefined>>;

/** A cookie to set; without a value, one to clear. */
export type ReplyCookie = { name: string; value?: string; options: CookieOptions };

/** What a handler gets: checked input, and nothing of HTTP but the cookies. */
export type Context<Deps, Principal, Body = undefined, Query = undefined> = {
  deps: Deps;
  /** What the row's guard knows of the one who asks. */
  principal: Principal;
  body: Body;
  query: Query;
  /** The `{id}` of the path: a UUID. */
  id: string;
  caller: Caller;
  /** None where the request brings a bearer token: then that decides alone. */
  cookies: Cookies;
};

/** A JSON body that is large and always the same: written once. */
export class JsonText {
  // Private, so that no body of the same shape passes for one.
  readonly #text: string;

  constructor(value: object) {
    this.#text = JSON.stringify(value);
  }

  toString(): string {
    return this.#text;
  }
}

/** What a handler answers; its status is the endpoint's. */
export type Reply<Body = unknown> = {
  body: Body;
  headers?: Record<string, string>;
  cookies?: ReplyCookie[];
};

/** The answer that an endpoint's `reply` asks for: the body of that schema, text, or none. */
export type ReplyTo<Spec extends ReplySpec> = Spec extends readonly [number, infer Body]
  ? Body extends z.ZodType
    ? Reply<z.input<Body> | JsonText>
    : Reply<string>
  : Omit<Reply, 'body'>;

/** What the contract says of an endpoint. */
export type EndpointFacts = {
  /** What clients call it (OpenAPI's operationId): it never changes. */
  name: string;
  /** One line for people. */
  summary: string;
  /** How many SQL statements a request takes at most, besides BEGIN, COMMIT and those of limits. A test counts them. */
  statements?: number;
  body?: z.ZodType | undefined;
  query?: z.ZodObject | undefined;
  reply: ReplySpec;
  headers?: ReplyHeader[];
  /** Its own refusals, besides those of its guard, path, body, limit and of the server. */
  errors?: ErrorCode[];
};

/** What the contract says, and the handler that does it, for a principal of one kind. */
export type Endpoint<Deps, Principal> = EndpointFacts & {
  handler: (context: Context<Deps, Principal, never, never>) => Partial<Reply> | Promise<Partial<Reply>>;
};

/** Lets a request pass with what it knows of the one who asks, or hands a refusal to `next`. */
export type Step<Principal> = (
  req: Request,
  res: Response,
  admit: (principal: Principal) => void,
  next: NextFunction,
) => void;

/** The ways of the contract to show who asks, each enough by itself, by their names. */
export type Schemes = Record<string, oas31.SecuritySchemeObject>;

/** One way to be let in. */
export type Guard<Deps extends BaseDeps, Principal> = {
  name: string;
  /** What it can answer instead of letting in. */
  refusals: ErrorCode[];
  /** How the contract shows it. */
  schemes(config: Deps['config']): Schemes;
  /** A request without any of its schemes passes, too. */
  optional?: true;
  /** The body is read, checked and counted before it, not after it. */
  bodyFirst?: true;
  /** A sentence for the documentation. */
  note?: string;
  /** Made once for each app. */
  step(deps: Deps): Step<Principal>;
};

/** A limit that a request counts on, under which key. A lenient one counts, but refuses no request. */
export type LimitKey = { limit: Limit; key: string; lenient?: true };

/** What a limit may look at. */
export type LimitedRequest<Deps extends BaseDeps, Principal> = {
  deps: Deps;
  limits: NonNullable<Deps['limits']>;
  req: Request;
  principal: Principal;
  cookies: Cookies;
};

/** What a row counts before its handler runs, besides the general limit. */
export type RowLimit<Deps extends BaseDeps, Principal> = {
  name: string;
  keys: (request: LimitedRequest<Deps, Principal>) => LimitKey[] | Promise<LimitKey[]>;
  /** Counted only when the request is over: for what costs little to try, so that good tries cost the store nothing. */
  afterwards?: true;
  /** Whether a request that ended so counts, or gets its points back; undefined where all went well. */
  counts(code: ErrorCode | undefined): boolean;
};

/** What a row says besides its method, path and endpoint. */
export type RowOptions<Deps extends BaseDeps, Principal> = {
  guard: Guard<Deps, Principal>;
  /** The role that the principal must have, else 403 `forbidden`. */
  role?: Principal extends { roles: string[] } ? string : never;
  limit?: RowLimit<Deps, Principal> | RowLimit<Deps, Principal>[];
};

/** One row of the route table. */
export type Row<Deps extends BaseDeps> = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** As OpenAPI writes it: `/todos/{id}`. */
  path: string;
  /** Under which heading the documentation lists it. */
  tag?: string;
  guard: Guard<Deps, unknown>;
  role?: string;
  limits: RowLimit<Deps, never>[];
  endpoint: Endpoint<Deps, never>;
};

/** Files of one folder that pages load: no others of it are served. */
export type FileFolder = { folder: string; names: string[] };
