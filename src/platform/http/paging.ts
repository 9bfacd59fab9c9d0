import { z } from 'zod';
import type { ZodOpenApiOverride } from 'zod-openapi';

export type Page<Item> = { items: Item[]; nextCursor: string | null };

export const pageQuerySchema = z.object({
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, 'A whole number from 1 to 100.')
    .default('20')
    .transform(Number)
    .meta({ description: 'How many at most.', override: asInteger(1, 100, 20) }),
  cursor: z.uuid().optional().meta({ description: 'The `next_cursor` of the page before.' }),
});

/** OpenAPI's integer, for a number that arrives as text in a query. */
function asInteger(minimum: number, maximum: number, fallback: number): ZodOpenApiOverride {
  return ({ jsonSchema }) => {
    delete jsonSchema.pattern;
    Object.assign(jsonSchema, { type: 'integer', minimum, maximum, default: fallback });
  };
}

/** A page of a list; `next_cursor` is the `?cursor=` of the next page, null at the end. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  const { id, example } = item.meta() ?? {};
  return z
    .object({
      data: z.array(item),
      next_cursor: z.string().nullable().meta({ description: 'The next page’s `cursor`; null on the last.' }),
    })
    .meta({
      ...(id && { id: `${id}Page` }),
      ...(example !== undefined && { example: { data: [example], next_cursor: null } }),
    });
}

/** Cuts a page. @param found one item more than `limit` if there is a next page */
export function pageOf<Item extends { id: string }>(found: Item[], limit: number): Page<Item> {
  const items = found.slice(0, limit);
  return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
}

export function pageJson<Item, Sent>({ items, nextCursor }: Page<Item>, json: (item: Item) => Sent) {
  return { data: items.map(json), next_cursor: nextCursor };
}
