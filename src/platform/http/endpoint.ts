import type { CookieOptions, NextFunction, Request, Response } from 'express';
import type { z } from 'zod';
import type { oas31 } from 'zod-openapi';
import type { ErrorCode } from '../../errors.js';
import type { Caller } from '../caller.js';
import type { Limit } from '../limits/limit.js';
import type { EventStream } from './event-stream.js';
import type { JsonStream } from './json-stream.js';
import type {} from './locals.js';
import type { GeneralRule } from './rate-limit-general.js';

/** What rows work with: the settings, and the limits if they are on. A room's own `Deps` has more. */
export type BaseDeps = { config: object; limits: object | undefined };

type MediaType = 'text/html' | 'text/plain' | 'application/jwt' | 'text/event-stream';

/** A successful response: status, and the schema or media type of its body, or no body. */
export type ReplySpec = readonly [status: number, body?: z.ZodType | MediaType];

export type ReplyHeader = 'Set-Cookie' | 'Location' | 'Content-Disposition';

export type Cookies = Readonly<Record<string, string | undefined>>;

/** A cookie to set; without a value, to clear. */
export type ReplyCookie = { name: string; value?: string; options: CookieOptions };

/** What a handler gets: checked input, and of HTTP only the cookies. */
export type Context<Deps, Principal, Body = undefined, Query = undefined> = {
  deps: Deps;
  /** What the row's guard knows of the client, such as the claims of its access token. */
  principal: Principal;
  body: Body;
  query: Query;
  id: string;
  /** The second id of a path such as `/admin/users/{id}/api-keys/{key_id}`. @throws AppError not_found if it is none */
  innerId: string;
  caller: Caller;
  /** Empty if the request has a bearer token: then only the token counts. */
  cookies: Cookies;
  /** What of the request's headers a few rows go by. */
  header(name: 'if-none-match' | 'last-event-id'): string | undefined;
};

/** A large JSON body that never changes: serialized once. */
export class JsonText {
  // Private, so that no other body has the same type.
  readonly #text: string;

  constructor(value: object) {
    this.#text = JSON.stringify(value);
  }

  toString(): string {
    return this.#text;
  }
}

export type Reply<Body = unknown> = {
  body: Body;
  /** The status is 201: see `creates`. */
  isCreated?: true;
  /** The status is 304: the client has it already. See `etag`. */
  isUnchanged?: true;
  /** A success that limits may count: what was asked for is not there. */
  isMiss?: boolean;
  headers?: Record<string, string>;
  cookies?: ReplyCookie[];
};

/** The response that an endpoint's `reply` demands: a body of that schema, text or none. */
export type ReplyTo<Spec extends ReplySpec> = Spec extends readonly [number, infer Body]
  ? Body extends z.ZodType
    ? Reply<z.input<Body> | JsonText | JsonStream>
    : Reply<string | EventStream>
  : Omit<Reply, 'body'>;

export type EndpointFacts = {
  /** OpenAPI's operationId; it never changes. */
  name: string;
  summary: string;
  /** The most SQL statements of a request, without BEGIN, COMMIT and limits. A test counts them. */
  statements?: number;
  body?: z.ZodType | undefined;
  query?: z.ZodObject | undefined;
  /** It speaks OAuth: the body is a form, and refusals are those of RFC 6749 §5.2. */
  form?: 'oauth';
  reply: ReplySpec;
  /** What a success brings, for the contract; else the summary. */
  returns?: string;
  /** Where a success may also be that something was made: the body of that 201, and what it brings. */
  creates?: readonly [body: z.ZodType, returns: string];
  headers?: ReplyHeader[];
  /** A client that has the answer already, by `If-None-Match`, may hear 304 (RFC 9110 §13.1.2). */
  etag?: true;
  /** Its own refusals, besides those of guard, path, body, limit and server. */
  errors?: ErrorCode[];
};

export type Endpoint<Deps, Principal> = EndpointFacts & {
  handler: (context: Context<Deps, Principal, never, never>) => Partial<Reply> | Promise<Partial<Reply>>;
};

export type Step<Principal> = (
  req: Request,
  res: Response,
  admit: (principal: Principal) => void,
  next: NextFunction,
) => void;

/** The security schemes of the OpenAPI document, by name; each is enough by itself. */
export type Schemes = Record<string, oas31.SecuritySchemeObject>;

/** The claims of an access token: how strong and how fresh the sign-in behind it was (RFC 9470). */
type SignInClaims = { acr: string; auth_time: number };

/**
 * Whether the principal is the claims of an access token, or may be: for these `acr` and `maxAge` of a row count, and what
 * the settings ask of every row. The type asks for it, so that no guard forgets it.
 */
type ClaimsFact<Principal> = unknown extends Principal
  ? { hasClaims?: true }
  : Extract<Principal, SignInClaims> extends never
    ? { hasClaims?: never }
    : { hasClaims: true };

export type Guard<Deps extends BaseDeps, Principal> = ClaimsFact<Principal> & {
  name: string;
  refusals: ErrorCode[];
  /** What may be wrong with an API key, if it reads them. */
  keyRefusals?: ErrorCode[];
  schemes(config: Deps['config']): Schemes;
  /** How an API key comes, for rows that take one. */
  keySchemes?(config: Deps['config']): Schemes;
  /** Requests without credentials pass too. */
  optional?: true;
  /** The body is read, checked and counted before the guard. */
  bodyFirst?: true;
  /** No cookie counts here, so no rule for cookies applies. */
  ignoresCookies?: true;
  note?: string;
  /** Undefined admits every request, with no principal: it must be written, so that no check is forgotten. */
  step: ((deps: Deps) => Step<Principal>) | undefined;
};

/**
 * A limit and the key to count under. A lenient one counts but never refuses. What is left of one that others can use up
 * is not told: it would tell of them. A free one never counts: what was presented is genuine. One that always counts does so whatever the
 * answer.
 */
export type LimitKey = { limit: Limit; key: string; lenient?: true; ofOthers?: true; free?: boolean; always?: true };

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
  /**
   * Counted when the request is over, and only then refused: for secrets that cannot be guessed and are cheap to check, so
   * that forged ones keep out no genuine one, and successful attempts cost the store nothing.
   */
  afterwards?: true;
  /** Whether a request with this result counts, or gets its points back; undefined means success. */
  counts(code: ErrorCode | undefined, isMiss: boolean): boolean;
};

/** How a row says which tokens it takes: {@link TokenRule}, without it those of sessions alone. */
type TokenRule<Permission> =
  | {
      /** The permission that the token needs, of a session or of a key, else 403 `forbidden`. */
      permission?: Permission;
      /** Only of a session. */
      sessionOnly?: true;
      anyToken?: never;
    }
  | {
      permission?: never;
      sessionOnly?: never;
      /** Any token will do, of a session or of a key. */
      anyToken?: true;
    };

export type RowOptions<
  Deps extends BaseDeps,
  Principal,
  Role extends string = string,
  Permission extends string = string,
> = TokenRule<Principal extends { roles: string[] } ? Permission : never> & {
  guard: Guard<Deps, Principal>;
  /** The role that the principal needs, else 403 `forbidden`. */
  role?: Principal extends { roles: string[] } ? Role : never;
  /** How strong and how fresh, in seconds, the sign-in behind the token must be, else 401 (RFC 9470). */
  acr?: Principal extends SignInClaims ? Principal['acr'] : never;
  maxAge?: Principal extends SignInClaims ? number : never;
  limit?: RowLimit<Deps, Principal> | RowLimit<Deps, Principal>[];
  general?: GeneralRule;
};

export type Row<Deps extends BaseDeps> = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  tag?: string;
  guard: Guard<Deps, unknown>;
  role?: string;
  permission?: string;
  anyToken?: true;
  sessionOnly?: true;
  acr?: string;
  maxAge?: number;
  limits: RowLimit<Deps, never>[];
  general?: GeneralRule;
  endpoint: Endpoint<Deps, never>;
};

/** The files of a folder that pages load; no other file of it is served. */
export type FileFolder = { folder: string; names: string[] };
