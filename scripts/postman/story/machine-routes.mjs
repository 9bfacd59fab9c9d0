/* global pm */

export const machineRoutes = {
  name: 'Machine routes',
  about: 'For load balancers, other services and tools. They need no token.',
  steps: [
    { operation: 'checkHealth', name: 'Does the process live?' },
    {
      operation: 'getMetrics',
      name: 'Numbers for Prometheus',
      about: 'Open on the server’s own machine. From elsewhere, send `METRICS_TOKEN` as a bearer token.',
      after() {
        pm.test('has metrics', () => {
          pm.expect(pm.response.text()).to.include('# TYPE ');
        });
      },
    },
    {
      operation: 'listPublicKeys',
      name: 'The keys that check access tokens',
      about: 'For services that verify access tokens themselves. None is there under `JWT_ALGORITHM=HS256`.',
      cacheable: true,
      after() {
        pm.test('has public keys alone', () => {
          for (const key of pm.response.json().keys) pm.expect(key).not.to.have.property('d');
        });
      },
    },
    {
      operation: 'listRevocations',
      name: 'What tokens are refused',
      about: 'A signed list for services that check access tokens themselves. It has hashes of ids, and no ids.',
      cacheable: true,
      after() {
        pm.test('is a signed list', () => {
          pm.expect(pm.response.text().split('.')).to.have.length(3);
        });
      },
    },
    {
      operation: 'getAuthorizationServer',
      name: 'What OAuth clients may find here',
      about: 'Addresses and names, for libraries.',
      cacheable: true,
      after() {
        pm.test('is about this issuer', () => {
          pm.expect(pm.response.json().grant_types_supported).to.eql(['client_credentials']);
        });
      },
    },
    {
      operation: 'getAuthorizationServerOfPath',
      name: 'The same, for an issuer with a path',
      about: 'Only the path of `JWT_ISSUER` is known here.',
      rest: 'elsewhere',
      refused: 'not_found',
    },
    {
      operation: 'getContract',
      name: 'The contract',
      about: 'This collection is made from it.',
      after() {
        pm.test('is an OpenAPI 3.1 document', () => {
          pm.expect(pm.response.json().openapi).to.match(/^3\.1\./);
        });
      },
    },
  ],
};
