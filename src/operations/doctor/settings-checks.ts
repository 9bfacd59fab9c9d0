import type { Config } from '../../config.js';
import { type Finding, ok, problem, warning } from '../../platform/cli/finding.js';

export function checkSettings(config: Config): Finding[] {
  return [
    nodeVersion(process.versions.node),
    passwordHash(config),
    ...(config.production ? production(config) : [development()]),
  ];
}

/** The versions in package.json's `engines`, which npm only warns about. */
export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const good = major >= 24 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
  if (good) return ok('Node', version);
  return problem('Node', version, 'Use Node 20.19 or newer of 20, 22.12 or newer of 22, or 24 and later.');
}

// Memory (KiB) and passes of equal strength, from OWASP's Password Storage Cheat Sheet.
const leastCosts = [
  { memoryKiB: 47_104, passes: 1 },
  { memoryKiB: 19_456, passes: 2 },
  { memoryKiB: 12_288, passes: 3 },
];

function passwordHash({ production, passwords: { cost } }: Config): Finding {
  const text = `m=${cost.memoryKiB},t=${cost.passes},p=${cost.parallelism}`;
  if (leastCosts.some(({ memoryKiB, passes }) => cost.memoryKiB >= memoryKiB && cost.passes >= passes))
    return ok('PASSWORD_HASH', text);
  const mend = 'Unset PASSWORD_HASH, or set m=19456,t=2,p=1 or more; passwords are hashed again at the next login.';
  return (production ? problem : warning)('PASSWORD_HASH', `${text} is below OWASP’s floor`, mend);
}

function development(): Finding {
  return ok('NODE_ENV', 'not production: some checks are skipped (run it with NODE_ENV=production)');
}

function production({ tokens, authSecret, cookies, database, trustProxy }: Config): Finding[] {
  return [
    tokens.issuer.startsWith('https:')
      ? ok('JWT_ISSUER', tokens.issuer)
      : problem('JWT_ISSUER', `${tokens.issuer} is not https`, 'Set JWT_ISSUER to the https address that clients use.'),
    authSecret
      ? ok('AUTH_SECRET', 'set')
      : problem('AUTH_SECRET', 'not set', 'Set it to the output of `openssl rand -base64 48`.'),
    cookies.secure
      ? ok('cookies', 'Secure')
      : problem('cookies', 'not Secure', 'Set JWT_ISSUER to the https address that clients use.'),
    database.url.startsWith('pglite:')
      ? warning(
          'DATABASE_URL',
          'an embedded database',
          'Set it to a Postgres server, for more than one instance or many users.',
        )
      : ok('DATABASE_URL', 'a Postgres server'),
    trustProxy === false
      ? ok('TRUST_PROXY', 'false: correct if clients connect directly; behind a proxy, all share its address')
      : ok('TRUST_PROXY', [trustProxy].flat().join(', ')),
  ];
}
