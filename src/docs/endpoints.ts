import { z } from 'zod';
import type { AnyRoute, Context, Reply } from '../endpoint.js';
import { contractOf } from '../platform/openapi/document.js';
import type { ContractSettings } from '../platform/openapi/security.js';

export const replySchema = z.looseObject({ openapi: z.string() });

/**
 * The contract, made when it is first asked for: a start is not to wait for it.
 * @param rows of which table; a function, because the table that this stands in is not yet whole when it is called
 */
export function handlerFor(rows: () => AnyRoute[]): (context: Context<'public'>) => Reply {
  const made = new WeakMap<ContractSettings, string>();
  return ({ deps: { config } }) => {
    const json = made.get(config) ?? JSON.stringify(contractOf(rows(), config));
    made.set(config, json);
    return { status: 200, json };
  };
}
