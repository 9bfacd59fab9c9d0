import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { endOwnSession, endUserSessions } from './end.js';
import { sessionListSchema, sessionsOnTheWire } from './json.js';
import * as sessions from './list.js';

export const replySchema = sessionListSchema;

type SignedIn = Context<'access-token'>;

export async function list({ deps, principal }: SignedIn): Promise<Reply> {
  const live = await sessions.listLiveSessions(deps, principal.sub);
  return { status: 200, body: sessionsOnTheWire(live, principal.sid) };
}

export async function end({ deps, principal, id, caller }: SignedIn): Promise<Reply> {
  const actor = { actorId: principal.sub, caller };
  if (!(await endOwnSession(deps, principal.sub, id, actor))) throw new AppError('not_found');
  return { status: 204, ...(id === principal.sid && { clearTokens: true }) };
}

export async function endAll({ deps, principal, caller }: SignedIn): Promise<Reply> {
  await endUserSessions(deps, principal.sub, 'logout_all', { actorId: principal.sub, caller });
  return { status: 204, clearTokens: true };
}
