import { z } from 'zod';

/** Where the tokens of an answer travel: in its body, or in HttpOnly cookies. */
export type Transport = 'bearer' | 'cookie';

export const transportSchema = z.enum(['bearer', 'cookie']);
