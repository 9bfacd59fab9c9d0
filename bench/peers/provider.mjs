// An OpenID provider that answers at once. A code is the nonce that the ID token is to have.
import { createHash, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' };

const server = createServer(async (req, res) => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const answers = {
    '/.well-known/openid-configuration': () => ({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      id_token_signing_alg_values_supported: ['ES256'],
      authorization_response_iss_parameter_supported: true,
    }),
    '/jwks': () => ({ keys: [key] }),
    '/token': (body) => {
      const nonce = new URLSearchParams(body).get('code');
      const options = { algorithm: 'ES256', keyid: 'bench', issuer, audience: 'bench', expiresIn: 300 };
      const subject = createHash('sha256').update(nonce).digest('hex');
      return {
        access_token: 'x',
        token_type: 'Bearer',
        id_token: jwt.sign({ nonce }, privateKey, { ...options, subject }),
      };
    },
  };
  let body = '';
  for await (const chunk of req) body += chunk;
  const answer = answers[req.url]?.(body);
  res.writeHead(answer ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer ?? {}));
});
server.listen(0, '127.0.0.1', () => process.send({ issuer: `http://127.0.0.1:${server.address().port}` }));
process.once('disconnect', () => process.exit(0));
