import { z } from 'zod';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';

export const replySchema = z.object({ status: z.literal('ok') }).meta({ id: 'Health', example: { status: 'ok' } });

/** The process lives. Asks nothing of the database, which is no reason to restart this process. */
export function live(): Reply {
  return { status: 200, body: { status: 'ok' } };
}

/** Requests may be sent here: the database answers, and this instance is not about to stop. */
export async function ready({ deps }: Context<'public'>): Promise<Reply> {
  const state = await deps.readiness.check();
  if (state !== 'ready') throw new AppError(state);
  return { status: 200, body: { status: 'ok' } };
}
