import { gzipSync } from 'node:zlib';
import type { Row } from '../../src/endpoint.js';
import type { Sent } from './hostile-bodies.js';
import { goodBody } from './rows.js';

type HostileForm = [what: string, make: (row: Row) => Sent, status?: 400 | 413 | 415];

/** Every kind of body that could break a server that reads forms. Without a status, any answer but a 5xx is fine. */
export const hostileForms: HostileForm[] = [
  ['no body', () => ({ headers: {} }), 400],
  ['a body of no bytes', () => form(''), 400],
  ['only separators', () => form('&&=&&'), 400],
  ['no good parameter, but unknown ones', () => form('a=1&b=2'), 400],
  ['a good form and unknown parameters', (row) => form({ ...goodBody(row), role: 'admin', __proto__x: '1' })],
  ['a good form and one called __proto__', (row) => form(`${text(row)}&__proto__=polluted&constructor=polluted`)],
  ['each parameter twice', (row) => form(`${text(row)}&${text(row)}`), 400],
  ['an unknown parameter twice', (row) => form(`${text(row)}&a=1&a=1`), 400],
  ['a parameter twice, once in percent-encoding', (row) => form(`${text(row)}&a=1&%61=1`), 400],
  ['a parameter as a list', (row) => form(`${Object.keys(goodBody(row))[0]}[]=1`), 400],
  ['a broken percent-encoding', (row) => form(`${text(row)}&a=%zz`), 400],
  ['a percent-encoding that is no UTF-8', (row) => form(`${text(row)}&a=%c3%28`), 400],
  ['bytes that are not UTF-8', () => ({ bytes: Buffer.from([0x61, 0x3d, 0xc3, 0x28]), headers: formType }), 400],
  ['30,000 parameters', (row) => form(`${text(row)}${'&'.repeat(30_000)}`)],
  ['64 KiB and one byte', () => form('a'.repeat(65_537)), 413],
  ['1 MB', () => form(`a=${'x'.repeat(1_000_000)}`), 413],
  ['JSON', (row) => typed('application/json', JSON.stringify(goodBody(row))), 415],
  ['text/plain', (row) => typed('text/plain', text(row)), 415],
  ['no content type', (row) => ({ bytes: Buffer.from(text(row)), headers: {} }), 415],
  ['a multipart form', (row) => typed('multipart/form-data; boundary=x', text(row)), 415],
  ['UTF-16 that says so', (row) => typed('application/x-www-form-urlencoded; charset=utf-16', text(row)), 415],
  ['gzip', (row) => ({ bytes: gzipSync(text(row)), headers: { ...formType, 'Content-Encoding': 'gzip' } }), 415],
];

const formType = { 'Content-Type': 'application/x-www-form-urlencoded' };

/** A form, from its fields or from its text. */
export function form(content: string | Record<string, unknown>): Sent {
  return typed(
    formType['Content-Type'],
    typeof content === 'string' ? content : String(new URLSearchParams(content as Record<string, string>)),
  );
}

function typed(type: string, content: string): Sent {
  return { bytes: Buffer.from(content), headers: { 'Content-Type': type } };
}

function text(row: Row): string {
  return String(new URLSearchParams(goodBody(row) as Record<string, string>));
}
