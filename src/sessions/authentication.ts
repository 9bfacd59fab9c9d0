/** How strong a sign-in was, weakest first (RFC 9470; `phr` is OpenID EAP's name for phishing-resistant). */
export const acrValues = ['aal1', 'aal2', 'phr'] as const;

export type Acr = (typeof acrValues)[number];

/** How a user proved who they are: names of RFC 8176, and ours: `recovery`, and `fed` for a provider. */
export type Amr = 'pwd' | 'otp' | 'hwk' | 'swk' | 'user' | 'mfa' | 'recovery' | 'fed';

/** The latest full sign-in or step-up of a session. */
export type Authentication = { amr: string[]; acr: Acr; authTime: Date };

/** What a row asks of the sign-in behind a token (RFC 9470 §4). `maxAge` is in seconds. */
export type Demand = { acr?: Acr | undefined; maxAge?: number | undefined };

export function isAtLeast(acr: Acr, least: Acr): boolean {
  return acrValues.indexOf(acr) >= acrValues.indexOf(least);
}

export function stronger(one: Acr, other: Acr): Acr {
  return isAtLeast(one, other) ? one : other;
}

export function weaker(one: Acr, other: Acr): Acr {
  return isAtLeast(one, other) ? other : one;
}

/** Whether a token's claims meet a demand. @param now seconds since the epoch */
export function meets(claims: { acr: Acr; auth_time: number }, { acr, maxAge }: Demand, now: number): boolean {
  return (
    (acr === undefined || isAtLeast(claims.acr, acr)) && (maxAge === undefined || now - claims.auth_time <= maxAge)
  );
}
