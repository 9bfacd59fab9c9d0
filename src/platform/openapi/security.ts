import type { oas31 } from 'zod-openapi';
import type { BaseDeps, Row, Schemes } from '../http/endpoint.js';

/** Every way to show who asks that a guard of these rows takes. */
export function securitySchemes<Deps extends BaseDeps>(rows: Row<Deps>[], config: Deps['config']): Schemes {
  return Object.assign({}, ...rows.map(({ guard }) => guard.schemes(config)));
}

/** The ways, each enough by itself, in which a row learns who asks; `{}` is none. */
export function securityOf<Deps extends BaseDeps>(
  { guard }: Row<Deps>,
  config: Deps['config'],
): oas31.SecurityRequirementObject[] {
  const ways = Object.keys(guard.schemes(config)).map((name) => ({ [name]: [] }));
  return guard.optional ? [...ways, {}] : ways;
}
