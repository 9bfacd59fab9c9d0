import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../../support/app.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const logIn = (type: string) =>
  app.http.post('/auth/login').set('Content-Type', type).send('{"username":"nobody","password":"x"}');

describe('A JSON body', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json;',
    'application/json ; ',
    'application/json; charset=utf-8',
    'application/json; charset=utf8',
    'application/json;charset=UTF-8',
    'application/json;  Charset = "utf-8" ;',
    'application/json; odata.metadata=minimal',
    'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
    'application/json; profile="https://example.com/a;b=\\"c\\""',
    'application/json; version=1.0; charset=utf8',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json; charset',
    'application/json; profile="x',
  ])('is read if its type is %j', async (type) => {
    expect((await logIn(type)).body.code).toBe('invalid_credentials');
  });

  it.each([
    'text/plain',
    'text/json',
    'application/jsonp',
    'application/json-patch+json',
    'application/json charset=utf-8',
    'application/json; charset=utf-16',
    'application/json; charset=iso-8859-1',
    'application/json; charset=',
    'application/json, text/plain',
    'text/plain; x=application/json',
    'application/x-www-form-urlencoded; charset=utf-8',
  ])('is refused if its type is %j', async (type) => {
    const { status, body } = await logIn(type);
    expect([status, body.code]).toEqual([415, 'unsupported_media_type']);
  });

  it.each([
    ['spaces', ` ${' '.repeat(14_000)}"`],
    ['empty parameters', ';x= '.repeat(3_500)],
    ['an endless quote', `;x="${'\\a'.repeat(7_000)}`],
    ['semicolons', '; '.repeat(7_000)],
  ])('cannot hold up the server by a type with many %s', async (_, rest) => {
    const begun = performance.now();
    await logIn(`application/json;x=${rest}`);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});
