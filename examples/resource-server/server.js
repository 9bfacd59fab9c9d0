import { createLiveSession } from './live-session.js';
import { createService } from './service.js';
import { createVerify } from './verify.js';

const {
  PORT = '4000',
  GATELATCH_URL = 'http://localhost:3000',
  JWT_ISSUER = GATELATCH_URL,
  JWT_AUDIENCE = 'gatelatch',
} = process.env;

const service = createService({
  verify: createVerify({ url: GATELATCH_URL, issuer: JWT_ISSUER, audience: JWT_AUDIENCE }),
  isLive: createLiveSession({ url: GATELATCH_URL }),
});

service.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`The orders are at http://localhost:${service.address().port}, for tokens of ${JWT_ISSUER}.`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => service.close());
