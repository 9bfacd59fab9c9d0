import { z } from 'zod';
import type { ZodOpenApiOverride } from 'zod-openapi';

/** One page of a list, and where the next one starts. */
export type Page<Item> = { items: Item[]; nextCursor: string | null };

/** The query of a list: how many items, and after which. */
export const pageQuerySchema = z.object({
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, 'A whole number from 1 to 100.')
    .default('20')
    .transform(Number)
    .meta({ description: 'How many at most.', override: asInteger(1, 100, 20) }),
  cursor: z.uuid().optional().meta({ description: 'The `next_cursor` of the page before.' }),
});

/** The contract's word for a number that travels as the text of a query. */
function asInteger(minimum: number, maximum: number, fallback: number): ZodOpenApiOverride {
  return ({ jsonSchema }) => {
    delete jsonSchema.pattern;
    Object.assign(jsonSchema, { type: 'integer', minimum, maximum, default: fallback });
  };
}

/** What a list answers: pass `next_cursor` as `?cursor=` for the next page; it is null at the end. */
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

/**
 * Cuts a page.
 * @param found one item more than asked for, where there is one: it tells that there is a next page
 */
export function pageOf<Item extends { id: string }>(found: Item[], limit: number): Page<Item> {
  const items = found.slice(0, limit);
  return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** A page as it is sent. */
export function pageJson<Item, Sent>({ items, nextCursor }: Page<Item>, json: (item: Item) => Sent) {
  return { data: items.map(json), next_cursor: nextCursor };
}
