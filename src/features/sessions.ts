import { z } from 'zod';
import { endOwnSession, endUserSessions } from '../domain/session-endings.js';
import * as sessions from '../domain/session-list.js';
import { AppError } from '../errors.js';
import type { Context, Reply } from '../route.js';

const time = z.iso.datetime();

export const replySchema = z.object({
  data: z.array(
    z.object({
      id: z.uuid(),
      created_at: time,
      last_used_at: time,
      expires_at: time,
      ip: z.string().nullable(),
      user_agent: z.string().nullable(),
      current: z.boolean(),
    }),
  ),
});

type SignedIn = Context<'access-token'>;

export async function list({ deps, principal }: SignedIn): Promise<Reply> {
  const live = await sessions.listLiveSessions(deps, principal.sub);
  const data = live.map((session) => ({
    id: session.id,
    created_at: session.createdAt.toISOString(),
    last_used_at: session.lastUsedAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
    ip: session.ip,
    user_agent: session.userAgent,
    current: session.id === principal.sid,
  }));
  return { status: 200, body: { data } };
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
