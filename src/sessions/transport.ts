import { z } from 'zod';

/** Where a response has its tokens: in the body or in HttpOnly cookies. */
export type Transport = 'bearer' | 'cookie';

export const transportSchema = z.enum(['bearer', 'cookie']);
