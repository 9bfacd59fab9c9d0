import { githubPerson } from './github.js';
import type { Answer } from './openid.js';
import { emailOf, nameOf, type Person } from './person.js';
import type { Provider } from './settings.js';

/** @param form what came beside the answer: Apple tells a name there, once */
export async function personOf(
  provider: Provider,
  { claims, accessToken }: Answer,
  form: URLSearchParams,
): Promise<Person> {
  const common = { provider: provider.name, issuer: provider.issuer, acr: acrOf(provider, claims) };
  if (provider.kind === 'github') return { ...common, ...(await githubPerson(provider.issuer, accessToken)) };
  const email = emailOf(claims.email);
  return {
    ...common,
    subject: subjectOf(claims.sub),
    email,
    isVouchedFor: email !== null && isVouchedFor(provider, claims),
    name: nameOf(provider.kind === 'apple' ? appleName(form.get('user')) : claims.name),
  };
}

/** At most 255 characters (OpenID Connect Core §2), compared exactly. @throws Error if it is not so */
function subjectOf(sub: unknown): string {
  if (typeof sub === 'string' && /^\P{C}{1,255}$/u.test(sub)) return sub;
  throw new Error('The subject of the ID token is not as it should be');
}

function isVouchedFor(
  { kind, trustsEmail }: Provider,
  { email, email_verified: verified, hd }: Answer['claims'],
): boolean {
  if (kind === 'google') return verified === true && (/@gmail\.com$/i.test(String(email)) || typeof hd === 'string');
  if (kind === 'apple') return verified === true || verified === 'true';
  return trustsEmail && verified === true;
}

function acrOf({ twoFactors }: Provider, { acr, amr }: Answer['claims']): Person['acr'] {
  const said = [acr, ...(Array.isArray(amr) ? amr : [])];
  return twoFactors !== undefined && said.includes(twoFactors) ? 'aal2' : 'aal1';
}

/** `{"name":{"firstName":"Ada","lastName":"Lovelace"}}` */
function appleName(user: string | null): string | undefined {
  try {
    const { firstName, lastName } = JSON.parse(user ?? '{}').name ?? {};
    return [firstName, lastName].filter((part) => typeof part === 'string').join(' ');
  } catch {
    return undefined;
  }
}
