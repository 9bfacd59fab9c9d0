import { z } from 'zod';

/** The schema of a body that is there: a row may take none instead, and its schema then has a default. */
export function withoutDefault(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault ? withoutDefault(schema.unwrap() as z.ZodType) : schema;
}

/** The names of the fields that a body may have. */
export function fieldsOf(schema: z.ZodType): string[] {
  const body = withoutDefault(schema);
  return body instanceof z.ZodObject ? Object.keys(body.shape) : [];
}
