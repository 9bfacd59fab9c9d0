import { z } from 'zod';
import type { Reply } from '../route.js';

export const replySchema = z.object({ message: z.string() });

/** The smallest protected route: whoever gets here has a live access token, and no query was needed to know it. */
export function handler(): Reply {
  return { status: 200, body: { message: 'Welcome. Your access token opened this door.' } };
}
