import { requireAuth } from '@gatelatch/verify';
import cors from 'cors';
import express from 'express';

/**
 * A small service: everybody who has a good access token has orders of their own.
 * @param pages the origin whose pages may call it, if any
 */
export function createOrders(verifier, pages) {
  const orders = new Map();
  const ordersOf = ({ sub }) => orders.get(sub) ?? [];

  const app = express();
  app.disable('x-powered-by');
  if (pages) app.use(cors({ origin: pages, exposedHeaders: ['WWW-Authenticate', 'X-Request-Id'] }));
  app.use('/orders', requireAuth(verifier));

  app.get('/orders', (req, res) => {
    res.json({ data: ordersOf(req.auth) });
  });

  app.post('/orders', (req, res) => {
    const order = { id: ordersOf(req.auth).length + 1, placed_at: new Date().toISOString() };
    orders.set(req.auth.sub, [...ordersOf(req.auth), order]);
    res.status(201).json(order);
  });

  return app;
}
