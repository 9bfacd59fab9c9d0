type Part = 'header' | 'claims';

export type Fact = { name: string; value: string; meaning: string };

const meanings: Record<string, string> = {
  alg: 'how it is signed',
  typ: 'an access token (RFC 9068), for which no other JWT can pass',
  kid: 'which key signed it',
  iss: 'who made it: this server',
  aud: 'the services it is for: all others must refuse it',
  client_id: 'the audience’s name again, as RFC 9068 wants it',
  sub: 'who you are: your id',
  sid: 'your session: once it ends, this token is refused at once',
  roles: 'what you are: each role gives permissions',
  scope: 'what this token may',
  ver: 'counts changes of your roles: an older token is stale',
  iat: 'made at',
  exp: 'valid until',
  acr: 'how strong the sign-in was: aal1, aal2 with two factors, phr with a passkey',
  amr: 'how you signed in (RFC 8176)',
  auth_time: 'when that was; a refresh does not make it younger',
  jti: 'the id of this token',
};

/**
 * Takes a JWT apart (RFC 7519) without checking it: the server does that at every request.
 * @returns the three parts, and the content of the first two
 */
export function takeApart(token: string): { parts: string[]; facts: Record<Part, Fact[]> } {
  const parts = token.split('.');
  return { parts, facts: { header: factsIn(parts[0]), claims: factsIn(parts[1]) } };
}

function factsIn(part = ''): Fact[] {
  const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
  const content: Record<string, unknown> = JSON.parse(new TextDecoder().decode(bytes));
  return Object.entries(content).map(([name, value]) => ({
    name,
    value: formatted(name, value),
    meaning: meanings[name] ?? '',
  }));
}

function formatted(name: string, value: unknown): string {
  if (['iat', 'exp', 'auth_time'].includes(name))
    return `${value} = ${new Date(Number(value) * 1000).toLocaleTimeString()}`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
