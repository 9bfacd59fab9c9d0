import { createVerifier } from '@gatelatch/verify';
import { createOrders } from './orders.js';

const { PORT = '4000', GATELATCH_URL = 'http://localhost:3000', PAGES_ORIGIN } = process.env;
const { JWT_ISSUER, JWT_AUDIENCE, GATELATCH_KEY } = process.env;

// What the tokens say, and where Gatelatch is reached. All else is found there.
const verifier = createVerifier({
  issuer: JWT_ISSUER ?? GATELATCH_URL,
  url: GATELATCH_URL,
  audience: JWT_AUDIENCE,
  apiKey: GATELATCH_KEY,
  realm: 'orders',
});
await verifier.ready();

const server = createOrders(verifier, PAGES_ORIGIN).listen(Number(PORT), '127.0.0.1', () => {
  console.log(`The orders are at http://localhost:${PORT}.`);
});
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    verifier.close();
    server.close();
  });
