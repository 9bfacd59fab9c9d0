import type { oas31 } from 'zod-openapi';
import type { BaseDeps, Row, Schemes } from '../http/endpoint.js';
import { tokensOf } from '../http/tokens-of-row.js';

export function securitySchemes<Deps extends BaseDeps>(rows: Row<Deps>[], config: Deps['config']): Schemes {
  return Object.assign({}, ...rows.map((row) => schemesOf(row, config)));
}

/** The schemes of a row, each enough by itself, with the permission that is needed; `{}` means none. */
export function securityOf<Deps extends BaseDeps>(
  row: Row<Deps>,
  config: Deps['config'],
): oas31.SecurityRequirementObject[] {
  const scopes = row.permission === undefined ? [] : [row.permission];
  const ways = Object.keys(schemesOf(row, config)).map((name) => ({ [name]: scopes }));
  return row.guard.optional ? [...ways, {}] : ways;
}

function schemesOf<Deps extends BaseDeps>(row: Row<Deps>, config: Deps['config']): Schemes {
  const { guard } = row;
  return { ...guard.schemes(config), ...(tokensOf(row) === 'any' && guard.keySchemes?.(config)) };
}
