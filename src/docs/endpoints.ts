import { z } from 'zod';
import type { Config } from '../config.js';
import { openEndpoint, type Row } from '../endpoint.js';
import { JsonText } from '../platform/http/endpoint.js';
import { contractOf } from '../platform/openapi/document.js';

type Webhooks = Parameters<typeof contractOf>[3];

/** @param rows a function, because the table that contains this endpoint is not complete yet @param webhooks what is sent */
export function contractEndpoint(rows: () => Row[], webhooks?: Webhooks) {
  const made = new WeakMap<Config, JsonText>();
  return openEndpoint({
    name: 'getContract',
    summary: 'Get this document',
    statements: 0,
    reply: [200, z.looseObject({ openapi: z.string() })],
    returns: 'This document.',
    handler({ deps: { config } }) {
      const body = made.get(config) ?? new JsonText(contractOf(rows(), config, config.publicPath, webhooks));
      made.set(config, body);
      return { body };
    },
  });
}
