import { gzipSync } from 'node:zlib';
import type { Row } from '../../src/endpoint.js';
import type { ErrorCode } from '../../src/errors.js';
import { fieldsOf, goodBody } from './rows.js';

/** The body of a request, with the headers that describe it. */
export type Sent = { bytes?: Buffer | undefined; headers: Record<string, string> };

type HostileBody = [
  what: string,
  make: (row: Row) => Sent,
  refusal?: ErrorCode | ((row: Row) => ErrorCode | undefined),
];

// Some rows accept an empty body, so for them these bodies are fine.
const unlessEmptyIsFine = (row: Row) => (row.endpoint.body?.safeParse({}).success ? undefined : 'validation_failed');

/** Every kind of body that could break a server. Without a code, any response but a 5xx is fine. */
export const hostileBodies: HostileBody[] = [
  ['no body', () => ({ headers: {} }), unlessEmptyIsFine],
  ['a body of no bytes', () => json(''), unlessEmptyIsFine],
  ['an empty object', () => json('{}'), unlessEmptyIsFine],
  ['null', () => json('null'), 'invalid_json'],
  ['a string', () => json('"text"'), 'invalid_json'],
  ['a number', () => json('7'), 'invalid_json'],
  ['an array', () => json('[]'), 'validation_failed'],
  ['an array of one good body', (row) => json([goodBody(row)]), 'validation_failed'],
  ['half of a good body', (row) => json(JSON.stringify(goodBody(row)).slice(0, -1)), 'invalid_json'],
  ['a good body and more', (row) => json(`${JSON.stringify(goodBody(row))}{}`), 'invalid_json'],
  ['a BOM before a good body', (row) => json(`\u{FEFF}${JSON.stringify(goodBody(row))}`)],
  ['an unknown field', (row) => json({ ...goodBody(row), role: 'admin' }), 'validation_failed'],
  [
    'an unknown field called __proto__',
    (row) => json(withField(row, '__proto__', '{"polluted":true}')),
    'validation_failed',
  ],
  [
    'an unknown field called constructor',
    (row) => json(withField(row, 'constructor', '{"polluted":true}')),
    'validation_failed',
  ],
  ['a raw NUL byte', (row) => json(withField(row, fieldsOf(row)[0], '"a\0b"')), 'invalid_json'],
  [
    'each field twice',
    (row) => json(`${JSON.stringify(goodBody(row)).slice(0, -1)},${JSON.stringify(goodBody(row)).slice(1)}`),
  ],
  ['1e400', (row) => json(withField(row, fieldsOf(row)[0], '1e400')), 'validation_failed'],
  ['50,000 brackets left open', () => json('['.repeat(50_000)), 'invalid_json'],
  ['a field 30,000 arrays deep', (row) => json(withField(row, fieldsOf(row)[0], nested(30_000))), 'validation_failed'],
  ['64 KiB and one byte', () => json(' '.repeat(65_537)), 'payload_too_large'],
  ['1 MB', () => json(`{"a":"${'x'.repeat(1_000_000)}"}`), 'payload_too_large'],

  ['text/plain', (row) => typed('text/plain', row), 'unsupported_media_type'],
  [
    'no content type',
    (row) => ({ bytes: Buffer.from(JSON.stringify(goodBody(row))), headers: {} }),
    'unsupported_media_type',
  ],
  ['a form', (row) => typed('application/x-www-form-urlencoded', row), 'unsupported_media_type'],
  ['a multipart form', (row) => typed('multipart/form-data; boundary=x', row), 'unsupported_media_type'],
  ['two content types', (row) => typed('application/json, text/plain', row), 'unsupported_media_type'],
  [
    'gzip',
    (row) => ({ bytes: gzipSync(JSON.stringify(goodBody(row))), headers: { ...jsonType, 'Content-Encoding': 'gzip' } }),
    'unsupported_media_type',
  ],
  [
    'gzip that unpacks to 100 MB',
    () => ({ bytes: bomb, headers: { ...jsonType, 'Content-Encoding': 'gzip' } }),
    'unsupported_media_type',
  ],
  [
    'UTF-16 that says so',
    (row) => ({ bytes: utf16(row), headers: { 'Content-Type': 'application/json; charset=utf-16' } }),
    'unsupported_media_type',
  ],
  ['UTF-16 that does not say so', (row) => ({ bytes: utf16(row), headers: jsonType }), 'invalid_json'],
  [
    'bytes that are not UTF-8',
    () => ({ bytes: Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]), headers: jsonType }),
    'invalid_json',
  ],
];

/** Values of the wrong type for a field that accepts `good`. */
export function wrongTypesFor(good: unknown): unknown[] {
  const values: unknown[] = [null, 7, true, 'text', [], ['text'], {}, { toString: 'text' }, { not: '' }];
  return values.filter((value) => typeof value !== typeof good);
}

const jsonType = { 'Content-Type': 'application/json' };
const bomb = gzipSync(Buffer.alloc(100_000_000));

/** JSON, from a value or from its text. */
export function json(content: unknown): Sent {
  return { bytes: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)), headers: jsonType };
}

function typed(type: string, row: Row): Sent {
  return { bytes: Buffer.from(JSON.stringify(goodBody(row))), headers: { 'Content-Type': type } };
}

function utf16(row: Row): Buffer {
  return Buffer.from(`\u{FEFF}${JSON.stringify(goodBody(row))}`, 'utf16le');
}

/** A good body as text, with one field set to the given JSON. */
function withField(row: Row, field: string | undefined, text: string): string {
  const { [`${field}`]: _, ...others } = goodBody(row);
  const more = JSON.stringify(others).slice(1);
  return `{"${field}":${text}${more === '}' ? '' : ','}${more}`;
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}
