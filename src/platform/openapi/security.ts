import type { oas31 } from 'zod-openapi';
import type { BaseDeps, Row, Schemes } from '../http/endpoint.js';

export function securitySchemes<Deps extends BaseDeps>(rows: Row<Deps>[], config: Deps['config']): Schemes {
  return Object.assign({}, ...rows.map(({ guard }) => guard.schemes(config)));
}

/** The schemes of a row, each enough by itself; `{}` means none. */
export function securityOf<Deps extends BaseDeps>(
  { guard }: Row<Deps>,
  config: Deps['config'],
): oas31.SecurityRequirementObject[] {
  const ways = Object.keys(guard.schemes(config)).map((name) => ({ [name]: [] }));
  return guard.optional ? [...ways, {}] : ways;
}
