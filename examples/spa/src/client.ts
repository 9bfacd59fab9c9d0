import { createClient, webStorage } from '@gatelatch/client';

/**
 * `bearer`: the tokens are in localStorage, where any script of this page could read them. `cookie`: they are in cookies
 * that none can; that works here because both origins are of one site, which ports are no part of.
 */
export const transport = new URLSearchParams(location.search).has('transport', 'cookie') ? 'cookie' : 'bearer';

/** Signed in, or not: kept over reloads, and the same in all tabs. */
export const client = createClient({
  url: import.meta.env.VITE_GATELATCH_URL,
  transport,
  storage: webStorage(localStorage),
});
