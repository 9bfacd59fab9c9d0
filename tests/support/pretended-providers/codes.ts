import { createHash, randomBytes } from 'node:crypto';

/** An authorization request, as a provider keeps it for its code. */
export type Granted<Person> = { query: URLSearchParams; person: Person };

export const random = () => randomBytes(32).toString('base64url');

export const challengeOf = (verifier: string) => createHash('sha256').update(verifier).digest('base64url');

/** The codes of a provider: each is good once, for who has the verifier and says the same redirect URI. */
export function createCodes<Person>() {
  const granted = new Map<string, Granted<Person>>();
  return {
    give(query: URLSearchParams, person: Person): string {
      const code = random();
      granted.set(code, { query, person });
      return code;
    },
    /** @returns undefined where the code is not good */
    take(form: URLSearchParams, { pkce = true } = {}): Granted<Person> | undefined {
      const code = form.get('code') ?? '';
      const found = granted.get(code);
      granted.delete(code);
      if (!found || found.query.get('redirect_uri') !== form.get('redirect_uri')) return undefined;
      const proven = found.query.get('code_challenge') === challengeOf(form.get('code_verifier') ?? '');
      return proven || !pkce ? found : undefined;
    },
  };
}

/** What is wrong with an authorization request, if anything. */
export function faultOfRequest(query: URLSearchParams, wanted: Record<string, string>): string | undefined {
  const expected = { response_type: 'code', code_challenge_method: 'S256', ...wanted };
  const wrong = Object.entries(expected).find(([name, value]) => query.get(name) !== value);
  if (wrong) return `${wrong[0]} is ${query.get(wrong[0])}, not ${wrong[1]}`;
  const weak = ['state', 'code_challenge'].find((name) => (query.get(name) ?? '').length < 43);
  return weak && `${weak} is missing or short`;
}
