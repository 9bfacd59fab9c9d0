import { z } from 'zod';
import type { Reply } from '../endpoint.js';

const message = 'Welcome. Your access token opened this door.';

export const replySchema = z.object({ message: z.string() }).meta({ id: 'Welcome', example: { message } });

/** The smallest protected route: whoever gets here has a live access token, and no query was needed to know it. */
export function handler(): Reply {
  return { status: 200, body: { message } };
}
