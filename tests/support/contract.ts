import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { oas31 } from 'zod-openapi';
import { parseConfig } from '../../src/config.js';
import { contractOf } from '../../src/platform/openapi/document.js';
import { files, routes } from '../../src/routes.js';
import { sentEvents } from '../../src/webhooks/contract.js';

/** A request and its response. */
export type Exchange = {
  method: string;
  /** With its query, if it has one. */
  path: string;
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
};

const settings = parseConfig({});
export const contract = contractOf(routes, settings, '', sentEvents);

const ajv = formats.default(new Ajv2020({ strict: false, allErrors: true, validateSchema: false }));
ajv.addSchema(contract, 'contract');

// Headers that the contract must list if they are sent, and that must be sent if it lists them as required.
const toldHeaders = [
  'Set-Cookie',
  'Location',
  'WWW-Authenticate',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Content-Disposition',
];

/** @throws Error if a response does not match the contract, so that the test fails */
export function checkContract(exchange: Exchange): void {
  const { method, path, status } = exchange;
  const problems = violationsOf(exchange);
  if (problems.length === 0) return;
  throw new Error(`Against the contract: ${method} ${path} → ${status}: ${problems.join('; ')}\n${exchange.text}`);
}

function violationsOf(exchange: Exchange): string[] {
  const path = pathOf(exchange);
  if (exchange.method === 'OPTIONS' || isFile(path) || isToldWithoutSlash(exchange)) return [];
  const template = templateOf(path);
  const method = exchange.method === 'HEAD' ? 'get' : exchange.method.toLowerCase();
  const operation = contract.paths?.[template ?? '']?.[method as 'get'];
  if (!template || !operation) return withoutOperation(exchange);
  const pointer = ['paths', template, method, 'responses', String(exchange.status)];
  const told = operation.responses?.[exchange.status] as oas31.ResponseObject | oas31.ReferenceObject | undefined;
  if (!told) return ['that status is not told'];
  const response = '$ref' in told ? resolve<oas31.ResponseObject>(told.$ref) : told;
  const at = '$ref' in told ? told.$ref.slice(2).split('/') : pointer;
  return [...headerViolations(exchange, response), ...bodyViolations(exchange, response, at)];
}

/** A response outside any operation: the path, the method or the request itself is refused. */
function withoutOperation({ status, method, text }: Exchange): string[] {
  if (![400, 404, 405, 408, 429, 431, 500].includes(status)) return ['no operation is told'];
  return method === 'HEAD' ? [] : schemaViolations(['components', 'schemas', 'Problem'], text);
}

function headerViolations({ headers }: Exchange, response: oas31.ResponseObject): string[] {
  const told = response.headers ?? {};
  const missing = Object.entries(told)
    .filter(([, header]) => ('$ref' in header ? resolve<oas31.HeaderObject>(header.$ref) : header).required)
    .filter(([name]) => headers[name.toLowerCase()] === undefined);
  const untold = toldHeaders.filter((name) => headers[name.toLowerCase()] !== undefined && !(name in told));
  return [...missing.map(([name]) => `${name} is missing`), ...untold.map((name) => `${name} is not told`)];
}

function bodyViolations(
  { method, headers, text }: Exchange,
  { content }: oas31.ResponseObject,
  at: string[],
): string[] {
  const type = String(headers['content-type'] ?? '').split(';')[0] ?? '';
  if (!content) return text === '' && type === '' ? [] : ['a body is not told'];
  if (!(type in content)) return [`${type || 'no content type'} is not told`];
  if (method === 'HEAD' || !/[/+]json$/.test(type)) return [];
  return schemaViolations([...at, 'content', type, 'schema'], text);
}

const validators = new Map<string, ValidateFunction>();

/** What violates the schema at this place of the contract. */
export function schemaViolations(at: string[], text: string): string[] {
  const pointer = at.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
  const validate = validators.get(pointer) ?? ajv.compile({ $ref: `contract#/${pointer}` });
  validators.set(pointer, validate);
  if (validate(JSON.parse(text))) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    return `${instancePath || 'the body'} ${message} ${JSON.stringify(params)}`;
  });
}

function pathOf({ path }: Exchange): string {
  const bare = path.split('?', 1)[0] ?? '';
  // The router ignores a slash at the end.
  return bare.length > 1 ? bare.replace(/\/$/, '') : bare;
}

const templates = Object.keys(contract.paths ?? {}).map((template) => ({
  template,
  pattern: new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
}));

function templateOf(path: string): string | undefined {
  const found = templates.find(({ template }) => template === path) ?? templates.find((one) => one.pattern.test(path));
  return found?.template;
}

// Read once: a test asks thousands of times.
const filePaths = new Set(
  Object.entries(files).flatMap(([at, folder]) => folder(settings).names.map((name) => `${at}/${name}`)),
);

/** A page with a slash at its end leads to the one without. */
function isToldWithoutSlash({ method, path, status }: Exchange): boolean {
  return status === 308 && /^(GET|HEAD)$/.test(method) && /\w\/($|\?)/.test(path);
}

function isFile(path: string): boolean {
  return filePaths.has(path);
}

function resolve<Found>(ref: string): Found {
  const parts = ref.slice(2).split('/');
  // biome-ignore lint/suspicious/noExplicitAny: what a reference points at is known where it stands.
  return parts.reduce<any>((at, part) => at[part], contract);
}
