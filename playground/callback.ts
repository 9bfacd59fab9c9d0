import { apiUrl } from './api-url.js';
import type { Provider } from './client/dist/providers.js';

/** Where providers' answers come to: this page, too. */
export const callback = new URL('callback', apiUrl()).href;

/** Takes the provider's answer that the page was opened with out of its address, so that no reload repeats it. */
export function takeAnswer(): string | undefined {
  const { href } = location;
  if (!href.startsWith(callback)) return undefined;
  history.replaceState(null, '', apiUrl());
  return href;
}

/** Who can vouch for users. The log does not show it, for it is no doing of the user's. */
export async function listedProviders(): Promise<Provider[]> {
  // A browser makes a verifier's challenge only there.
  if (!isSecureContext) return [];
  try {
    const answer = await fetch(new URL('auth/providers', apiUrl()));
    return answer.ok ? (await answer.json()).data : [];
  } catch {
    return [];
  }
}
