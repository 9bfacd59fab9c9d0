import { z } from 'zod';
import type { Config } from '../config.js';
import { openEndpoint, type Row } from '../endpoint.js';
import { JsonText } from '../platform/http/endpoint.js';
import { contractOf } from '../platform/openapi/document.js';

/**
 * The contract, made when it is first asked for: a start does not wait for it.
 * @param rows of which table; a function, because the table that this stands in is not yet whole when it is called
 */
export function contractEndpoint(rows: () => Row[]) {
  const made = new WeakMap<Config, JsonText>();
  return openEndpoint({
    name: 'getContract',
    summary: 'Get this document',
    statements: 0,
    reply: [200, z.looseObject({ openapi: z.string() })],
    handler({ deps: { config } }) {
      const body = made.get(config) ?? new JsonText(contractOf(rows(), config));
      made.set(config, body);
      return { body };
    },
  });
}
