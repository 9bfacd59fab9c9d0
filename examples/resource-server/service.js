import { createServer } from 'node:http';
import { InvalidToken } from './verify.js';

/**
 * A small service of orders: reading needs a good access token, placing an order also a live session.
 * @param {{ verify: ReturnType<import('./verify.js').createVerify>, isLive:
 * ReturnType<import('./live-session.js').createLiveSession> }} checks
 */
export function createService({ verify, isLive }) {
  const orders = new Map();
  const ordersOf = (claims) => orders.get(claims.sub) ?? [];

  const routes = {
    'GET /orders': {
      handle: (claims) => ({ status: 200, body: { data: ordersOf(claims) } }),
    },
    'POST /orders': {
      sensitive: true,
      handle: (claims) => {
        const order = { id: ordersOf(claims).length + 1, placed_at: new Date().toISOString() };
        orders.set(claims.sub, [...ordersOf(claims), order]);
        return { status: 201, body: order };
      },
    },
  };

  async function answer(request) {
    const route = routes[`${request.method} ${request.url}`];
    if (!route) return { status: 404, body: { error: 'not_found' } };
    const token = /^Bearer ([^\s,]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (!token) return unauthorized();
    const claims = await verify(token);
    if (route.sensitive && !(await isLive(token, claims))) throw new InvalidToken('the session has ended');
    return route.handle(claims);
  }

  return createServer(async (request, response) => {
    const { status, body, headers } = await answer(request).catch(refusal);
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers });
    response.end(JSON.stringify(body));
  });
}

function refusal(error) {
  if (error instanceof InvalidToken) return unauthorized('invalid_token');
  // Fail closed if keys or the session's state cannot be fetched.
  console.error(error);
  return { status: 503, body: { error: 'temporarily_unavailable' }, headers: { 'Retry-After': '5' } };
}

/** RFC 6750 §3: names the error only if there was a token. */
function unauthorized(error) {
  const challenge = `Bearer realm="orders"${error ? `, error="${error}"` : ''}`;
  return { status: 401, body: { error: error ?? 'unauthenticated' }, headers: { 'WWW-Authenticate': challenge } };
}
