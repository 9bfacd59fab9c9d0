import { describe, expect, it } from 'vitest';
import { problemExamples } from '../src/platform/openapi/problems.js';
import { checkContract, type Exchange } from './support/contract.js';

const requestId = '7f0e2f0c-3d7e-4c1b-9d3c-5b0a4b1f6a52';

const welcome: Exchange = {
  method: 'GET',
  path: '/welcome',
  status: 200,
  headers: { 'content-type': 'application/json; charset=utf-8', 'x-request-id': requestId },
  text: JSON.stringify({ message: 'Hello' }),
};

const refused: Exchange = {
  ...welcome,
  status: 401,
  headers: {
    'content-type': 'application/problem+json; charset=utf-8',
    'x-request-id': requestId,
    'www-authenticate': 'Bearer',
  },
  text: JSON.stringify(problem('token_expired')),
};

function problem(code: string): unknown {
  return problemExamples[code]?.value;
}

// All tests send their responses through this check, so it must find violations.
describe('The check of every response against the contract', () => {
  it('accepts responses that match the contract', () => {
    checkContract(welcome);
    checkContract(refused);
    checkContract({ ...welcome, method: 'HEAD', text: '' });
  });

  it('accepts a 403 on a row for administrators with a challenge, which a cross-site request does not get', () => {
    const row = { ...refused, method: 'POST', path: '/admin/users/x/logout', status: 403 };
    checkContract({ ...row, text: JSON.stringify(problem('forbidden')) });
    const { 'www-authenticate': _, ...headers } = refused.headers;
    checkContract({ ...row, headers, text: JSON.stringify(problem('csrf_rejected')) });
  });

  it.each<[what: string, exchange: Exchange, complaint: RegExp]>([
    ['an undocumented status', { ...welcome, status: 202 }, /that status is not told/],
    [
      'an undocumented property',
      { ...welcome, text: '{"message":"x","debug":1}' },
      /must NOT have additional properties .*debug/,
    ],
    ['a property of another type', { ...welcome, text: '{"message":7}' }, /\/message must be string/],
    ['a missing property', { ...welcome, text: '{}' }, /must have required property/],
    [
      'another content type',
      { ...welcome, headers: { ...welcome.headers, 'content-type': 'text/html' } },
      /text\/html is not told/,
    ],
    [
      'a code that the operation does not list',
      { ...refused, text: JSON.stringify(problem('invalid_credentials')) },
      /\/code must be equal/,
    ],
    [
      'a code with another status',
      { ...refused, status: 409, text: JSON.stringify(problem('username_taken')) },
      /that status is not told/,
    ],
    ['a 401 without a challenge', { ...refused, headers: welcome.headers }, /WWW-Authenticate is missing/],
    [
      'an undocumented cookie',
      { ...welcome, headers: { ...welcome.headers, 'set-cookie': ['a=b'] } },
      /Set-Cookie is not told/,
    ],
    [
      'a response without an id',
      { ...welcome, headers: { 'content-type': 'application/json' } },
      /X-Request-Id is missing/,
    ],
    ['an undocumented path', { ...welcome, path: '/debug' }, /no operation is told/],
    ['an undocumented method', { ...welcome, method: 'PUT' }, /no operation is told/],
    ['an undocumented body', { ...welcome, method: 'DELETE', path: '/todos/x', status: 204 }, /a body is not told/],
  ])('refuses %s', (_, exchange, complaint) => {
    expect(() => checkContract(exchange)).toThrow(complaint);
  });
});
