import { z } from 'zod';
import { endpoint } from '../endpoint.js';

const message = 'Welcome. Your access token opened this door.';

/** The smallest protected route: needs a live access token and no SQL statement. */
export const welcome = endpoint({
  name: 'welcome',
  summary: 'Open the smallest protected route',
  statements: 0,
  reply: [200, z.object({ message: z.string() }).meta({ id: 'Welcome', example: { message } })],
  returns: 'A greeting: the token is good.',
  handler: () => ({ body: { message } }),
});
