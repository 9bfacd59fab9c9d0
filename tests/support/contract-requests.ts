import fc from 'fast-check';
import type { oas31 } from 'zod-openapi';
import { contract } from './contract.js';
import { hostileHeader, hostileJson, hostileParameter, hostileText } from './hostile-values.js';

/** One endpoint of the contract. */
export type Operation = { method: string; path: string; told: oas31.OperationObject };

/** A request to it: a valid one, in which hostile values may have replaced some parts. */
export type ContractRequest = {
  operation: Operation;
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  /** Who sends it. */
  as: 'nobody' | 'user' | 'admin';
  body: string | undefined;
};

export const operations: Operation[] = Object.entries(contract.paths ?? {}).flatMap(([path, item]) =>
  Object.entries(item ?? {}).map(([method, told]) => ({
    method: method.toUpperCase(),
    path,
    told: told as oas31.OperationObject,
  })),
);

/** Values that are valid now, by the names of their fields. */
export type Living = { ids: string[]; refresh_token: string; username: string };

/** Requests of every kind to every endpoint. @param living is called for each request */
export function contractRequests(living: () => Living): fc.Arbitrary<ContractRequest> {
  return fc.constantFrom(...operations).chain((operation) =>
    fc.record({
      operation: fc.constant(operation),
      path: pathOf(operation, living),
      headers: headersOf(operation),
      as: fc.constantFrom('nobody', 'user', 'user', 'admin'),
      body: bodyOf(operation, living),
    }),
  );
}

function pathOf({ path, told }: Operation, living: () => Living): fc.Arbitrary<string> {
  const id = often(
    fc.nat().map((n) => living().ids.at(n % living().ids.length) ?? ''),
    hostileParameter,
  );
  const names = (told.parameters ?? []).flatMap((one) => ('in' in one && one.in === 'query' ? [one.name ?? ''] : []));
  const query = fc.dictionary(fc.constantFrom(...names, 'access_token', 'x'), hostileParameter, { maxKeys: 3 });
  return fc.tuple(id, often(fc.constant({}), query)).map(([id, query]) => {
    const asked = Object.entries(query).map(([name, value]) => `${name}=${value}`);
    return path.replace('{id}', id) + (asked.length > 0 ? `?${asked.join('&')}` : '');
  });
}

function headersOf({ told }: Operation): fc.Arbitrary<Record<string, string>> {
  const hostile = fc.dictionary(
    fc.constantFrom(
      'Authorization',
      'Cookie',
      'Origin',
      'User-Agent',
      'Accept',
      'X-Forwarded-For',
      'Content-Type',
      'If-None-Match',
    ),
    hostileHeader,
    { maxKeys: 2 },
  );
  const type = told.requestBody ? { 'Content-Type': mediaOf(told)[0] } : {};
  return often(fc.constant({}), hostile).map((headers) => ({ ...type, ...headers }));
}

function bodyOf({ told }: Operation, living: () => Living): fc.Arbitrary<string | undefined> {
  const [type, media] = mediaOf(told);
  if (media === undefined) return often(fc.constant(undefined), hostileText);
  const good = (media.example ?? {}) as Record<string, unknown>;
  const fields = Object.keys(good).map((name) => [
    name,
    often(
      fc.constant(null).map(() => current(name, good, living())),
      hostileJson,
    ),
  ]);
  const body = fc
    .record(Object.fromEntries(fields), { requiredKeys: [] })
    .chain((known) =>
      often(fc.constant({}), fc.dictionary(hostileText, hostileJson, { maxKeys: 2 })).map((more) => ({
        ...known,
        ...more,
      })),
    )
    .map((fields) => (type === 'application/json' ? JSON.stringify(fields) : formOf(fields)));
  return fc.oneof(
    { weight: 8, arbitrary: body },
    { weight: 1, arbitrary: hostileJson.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: hostileText },
  );
}

/** The type of the body, and what is told of it. */
function mediaOf({ requestBody }: oas31.OperationObject): [type: string, media: oas31.MediaTypeObject | undefined] {
  const { content = {} } = (requestBody ?? {}) as Partial<oas31.RequestBodyObject>;
  const [type = 'application/json', media] = Object.entries(content)[0] ?? [];
  return [type, media as oas31.MediaTypeObject | undefined];
}

function formOf(fields: Record<string, unknown>): string {
  const texts = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return String(new URLSearchParams(texts as [string, string][]));
}

function current(name: string, good: Record<string, unknown>, living: Living): unknown {
  return name in living ? living[name as keyof Living] : good[name];
}

function often<A, B>(usual: fc.Arbitrary<A>, rare: fc.Arbitrary<B>): fc.Arbitrary<A | B> {
  return fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: rare });
}
