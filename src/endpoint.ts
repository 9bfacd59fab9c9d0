import type { z } from 'zod';
import type { Deps } from './deps.js';
import type { Permission, Role } from './permissions/permissions.js';
import type * as http from './platform/http/endpoint.js';
import type { AccessClaims } from './sessions/access-tokens.js';

export type Row = http.Row<Deps>;
export type Guard<Principal> = http.Guard<Deps, Principal>;
export type RowLimit<Principal> = http.RowLimit<Deps, Principal>;
export type LimitedRequest<Principal> = http.LimitedRequest<Deps, Principal>;
export type Endpoint<Principal> = http.Endpoint<Deps, Principal>;
export type Context<Principal, Body = undefined, Query = undefined> = http.Context<Deps, Principal, Body, Query>;
export type { LimitKey, Reply } from './platform/http/endpoint.js';

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

type Created<Made> = Made extends z.ZodType ? http.Reply<z.input<Made>> & { isCreated: true } : never;

/** The handler gets the parsed body and query, and must return what `reply` or `creates` says. */
type Definition<Principal, Body, Query, Spec extends http.ReplySpec, Made> = Omit<
  http.EndpointFacts,
  'body' | 'query' | 'creates'
> & {
  body?: Body;
  query?: Query;
  reply: Spec;
  creates?: readonly [Made & z.ZodType, string];
  handler: (
    context: Context<Principal, Output<Body>, Output<Query>>,
  ) => OneOrLater<http.ReplyTo<NoInfer<Spec>> | Created<NoInfer<Made>>>;
};

type OneOrLater<Value> = Value | Promise<Value>;

type Define<Principal> = <
  const Spec extends http.ReplySpec,
  Body extends z.ZodType | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Made extends z.ZodType | undefined = undefined,
>(
  definition: Definition<Principal, Body, Query, Spec, Made>,
) => Endpoint<Principal>;

/** An endpoint for signed-in users: its principal is the claims of their access token. */
export const endpoint: Define<AccessClaims> = (definition) => definition;

/** An endpoint without a principal, open to all. */
export const openEndpoint: Define<undefined> = (definition) => definition;

/** An endpoint for another kind of principal: `endpointFor<CheckedUser>()({ … })`. */
export function endpointFor<Principal>(): Define<Principal> {
  return (definition) => definition;
}

type Options<Principal> = http.RowOptions<Deps, Principal, Role, Permission>;
type AddRow = <Principal>(path: string, options: Options<Principal>, endpoint: Endpoint<Principal>) => Row;

export const GET: AddRow = (...given) => row('GET', ...given);
export const POST: AddRow = (...given) => row('POST', ...given);
export const PATCH: AddRow = (...given) => row('PATCH', ...given);
export const DELETE: AddRow = (...given) => row('DELETE', ...given);

function row<Principal>(
  method: Row['method'],
  path: string,
  { guard, role, permission, anyToken, sessionOnly, acr, maxAge, limit = [], general }: Options<Principal>,
  endpoint: Endpoint<Principal>,
): Row {
  const given = {
    ...(role !== undefined && { role: role as string }),
    ...(permission !== undefined && { permission: permission as string }),
    ...(anyToken && { anyToken }),
    ...(sessionOnly && { sessionOnly }),
    ...(acr !== undefined && { acr: acr as string }),
    ...(maxAge !== undefined && { maxAge }),
    ...(general && { general }),
  };
  return { method, path, guard, ...given, limits: [limit].flat(), endpoint };
}

export function group(tag: string, rows: Row[]): Row[] {
  return rows.map((row) => ({ ...row, tag }));
}
