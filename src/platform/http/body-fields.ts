import { z } from 'zod';

/** The schema of a body that was sent: an optional body has a default. */
export function withoutDefault(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault ? withoutDefault(schema.unwrap() as z.ZodType) : schema;
}

export function fieldsOf(schema: z.ZodType): string[] {
  const body = withoutDefault(schema);
  return body instanceof z.ZodObject ? Object.keys(body.shape) : [];
}
