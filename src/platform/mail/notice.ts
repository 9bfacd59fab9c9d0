import type { OutboxItem } from '../outbox/queue.js';
import type { AddressedMail } from './deliver.js';

type AddressNotice = (deps: unknown, item: OutboxItem) => Promise<AddressedMail>;

type Advice = 'set a new password' | 'get it back' | 'tell the operator';

/** A mail that says what happened, from where, and what to do if it was not the user. */
export function notice(subject: string, what: string, advice: Advice): AddressNotice {
  return async (_deps, { recipient, userId, detail: { username, ip, device } }) => ({
    to: recipient,
    userId,
    isNotice: true,
    write: async () => ({
      username,
      subject,
      facts: ip ? { ip, device } : {},
      paragraphs: [what, ...(ip ? [`From: ${device ?? 'an unknown device'}, address ${ip}`] : []), advices[advice]],
    }),
  });
}

const advices: Record<Advice, string> = {
  'set a new password':
    'If this was not you, set a new password now. That signs out every device and withdraws what was asked for.',
  'get it back':
    'If this was not you, someone else can use your account. Set a new password now, which signs out every device, and tell the people who run this service: they can remove what was added.',
  'tell the operator': 'If this was not you, please tell the people who run this service.',
};
