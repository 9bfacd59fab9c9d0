import type { OutboxItem } from '../outbox/queue.js';
import type { MailContent } from './render.js';

type ComposeNotice = (deps: unknown, item: OutboxItem) => Promise<MailContent>;

type Advice = 'set a new password' | 'tell the operator';

/** A mail that says what happened, from where, and what to do if it was not the user. */
export function notice(subject: string, what: string, advice: Advice): ComposeNotice {
  return async (_deps, { recipient, detail: { username = '', ip = null, userAgent = null } }) => ({
    to: recipient,
    username,
    subject,
    paragraphs: [what, placeOf(ip, userAgent), advices[advice]],
  });
}

const advices: Record<Advice, string> = {
  'set a new password':
    'If this was not you, set a new password now. That ends every session and withdraws what was asked for.',
  'tell the operator': 'If this was not you, tell the people who run this service.',
};

function placeOf(ip: string | null, userAgent: string | null): string {
  return ip === null
    ? 'It was done by the people who run this service.'
    : `From: ${ip}${userAgent ? `, ${userAgent}` : ''}`;
}
