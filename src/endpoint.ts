import type { z } from 'zod';
import type { Deps } from './deps.js';
import type { AppError, ErrorCode } from './errors.js';
import type { Caller } from './platform/caller.js';
import type { AccessClaims } from './sessions/access-tokens.js';
import type { SessionTokens } from './sessions/start.js';
import type { CheckedUser } from './users/users.js';

/**
 * Who may pass, and what is known of them then:
 * - `public`: anybody.
 * - `password`: who sends a right username and password in the body (passport-local).
 * - `access-token`: who presents a live access token (passport-jwt).
 * - `any-access-token`: like it, but expired and ended ones pass too, and a refusal is handed on:
 *   for logout, which decides for itself.
 * - `optional-access-token`: who presents a live one is known; a refusal is handed on, for routes that know another way.
 * - `metrics-token`: who presents `METRICS_TOKEN`; without such a setting, this machine itself.
 */
export type Principals = {
  public: undefined;
  password: CheckedUser;
  'access-token': AccessClaims;
  'any-access-token': AccessClaims | AppError;
  'optional-access-token': AccessClaims | AppError;
  'metrics-token': undefined;
};
export type Guard = keyof Principals;

/**
 * What is counted before the handler runs, and given back where the answer shows that it does not count:
 * - `login`: failed logins, by address, and by the name typed or the known device.
 * - `signup`: tries, by address. `reset`: tries, by address.
 * - `password`: wrong passwords in the body's `password` or `current_password`, by user.
 * - `refresh`: refused refresh tokens, by address.
 * - `mail`: mails to the user who is signed in, else to the body's `email`, by recipient and by the asker's address.
 * - `new-email`: mails to the body's `email`, where there is one, in the same way.
 */
export type RowLimit = 'login' | 'signup' | 'reset' | 'password' | 'refresh' | 'mail' | 'new-email';

/** Where the tokens of an answer travel: in its body, or in HttpOnly cookies. */
export type Transport = 'bearer' | 'cookie';

/** What an answer is that isn't JSON. */
export type MediaType = 'text/html' | 'text/plain';

/** `Set-Cookie` where the tokens travel in cookies, and where they are cleared. */
export type ReplyHeader = 'Set-Cookie' | 'Location' | 'Content-Disposition';

/** What a handler gets: checked input, and nothing of HTTP. */
export type Context<G extends Guard = Guard, Body = undefined, Query = undefined> = {
  deps: Deps;
  principal: Principals[G];
  body: Body;
  query: Query;
  /** The `{id}` of the path: a UUID. */
  id: string;
  caller: Caller;
  cookies: { refreshToken?: string | undefined; device?: string | undefined };
};

/** What a handler answers. `tokens` become the token response of RFC 6749 §5.1 by their transport. */
export type Reply = {
  status: number;
  body?: unknown;
  /** The text of a JSON body, for one that is large and always the same. */
  json?: string;
  /** A page instead of a JSON body. */
  html?: string;
  /** Numbers in the text format of Prometheus, instead of either. */
  metrics?: string;
  headers?: Record<string, string>;
  tokens?: { issued: SessionTokens; transport: Transport; deviceToken?: string };
  clearTokens?: true;
};

/** One row of the route table. */
export type Route<G extends Guard, Body extends z.ZodType | undefined, Query extends z.ZodType | undefined> = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** As OpenAPI writes it: `/todos/{id}`. */
  path: string;
  /** What clients call it (OpenAPI's operationId), so it never changes. */
  name: string;
  /** Under which heading the documentation lists it: that of its {@link group}. */
  tag?: string;
  guard: G;
  /** The role that the access token must hold; who has another is `forbidden`. */
  role?: G extends 'access-token' ? string : never;
  /** Besides the general one, which counts every request. */
  limit?: RowLimit | RowLimit[];
  /** Whether the user's e-mail must be verified, else 403 `email_unverified`: one query. Only with `access-token`. */
  verifiedEmail?: G extends 'access-token' ? boolean : never;
  body?: Body;
  query?: Query;
  /** What it answers when all is well: the status, and the schema of the body or, where that isn't JSON, its type. */
  reply: [status: number, body?: z.ZodType | MediaType];
  /** What a client may look for in the head of that answer. */
  headers?: ReplyHeader[];
  /** The refusals of its own, besides those that its guard, path, body, limit and server can give. */
  errors: ErrorCode[];
  handler: (
    context: Context<
      G,
      Body extends z.ZodType ? z.output<Body> : undefined,
      Query extends z.ZodType ? z.output<Query> : undefined
    >,
  ) => Reply | Promise<Reply>;
  /** One line for people, in the documentation. */
  summary: string;
};

/** Files of one folder that pages load: no others of it are served. */
export type FileFolder = { folder: string; names: string[] };

// biome-ignore lint/suspicious/noExplicitAny: a table holds rows of every guard and body; each row was checked by `route`.
export type AnyRoute = Route<any, any, any>;

/** Checks one row: its handler gets just what its guard, body and query give. */
export function route<
  G extends Guard,
  Body extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
>(row: Route<G, Body, Query>): AnyRoute {
  return row;
}

/** Rows under one heading. */
export function group(tag: string, rows: AnyRoute[]): AnyRoute[] {
  return rows.map((row) => ({ ...row, tag }));
}
