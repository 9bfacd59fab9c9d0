import type { Deps } from '../deps.js';
import { openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { keyOfCaller } from '../platform/caller.js';
import { EventStream } from '../platform/http/event-stream.js';
import type { SignedList } from './list.js';

/** What tokens this server refuses, for services that check them by themselves. */
export const list = openEndpoint({
  name: 'listRevocations',
  summary: 'Get what tokens are refused, for services that check them',
  statements: 0,
  reply: [200, 'application/jwt'],
  returns:
    'A signed list (JWS, `typ: revocations+jwt`). It says something until its `exp`. See docs/other-services.md.',
  etag: true,
  errors: ['not_found', 'database_unavailable'],
  handler(context) {
    const signed = signedList(context.deps);
    const headers = { ETag: signed.etag, 'Cache-Control': 'public, max-age=1' };
    return hasIt(context.header('if-none-match'), signed.etag)
      ? { isUnchanged: true, headers, body: '' }
      : { headers, body: signed.text };
  },
});

/** The same as it grows. */
export const stream = openEndpoint({
  name: 'streamRevocations',
  summary: 'Hear of refused tokens as it happens',
  statements: 0,
  reply: [200, 'text/event-stream'],
  returns:
    'Server-sent events, each a signed list: first a whole one, then what is added, and at least one in 2 seconds. Silence means that the connection is cut.',
  errors: ['not_found', 'rate_limited', 'overloaded', 'database_unavailable'],
  handler(context) {
    const { deps, caller } = context;
    // Who cannot be told everything hears so by the status.
    signedList(deps);
    return { body: new EventStream(deps.revocationStreams.open(keyOfCaller(caller), context.header('last-event-id'))) };
  },
});

/** Also among others, and by weak comparison (RFC 9110 §13.1.2). */
function hasIt(ifNoneMatch: string | undefined, etag: string): boolean {
  return (ifNoneMatch ?? '').split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

/** Never a list that leaves something out. @throws AppError not_found where it is off; database_unavailable */
function signedList({ revocationList }: Pick<Deps, 'revocationList'>): SignedList {
  if (!revocationList.isOn) throw new AppError('not_found');
  const signed = revocationList.whole();
  if (!signed)
    throw new AppError('database_unavailable', { detail: 'This instance does not know everything right now.' });
  return signed;
}
