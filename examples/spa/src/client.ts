import { createClient, webStorage } from '@gatelatch/client';

/**
 * `bearer`: tokens in localStorage, where any script of this page can read them. `cookie`: in cookies that no script
 * can read; that works here because both origins are of one site (ports do not matter).
 */
export const transport = new URLSearchParams(location.search).has('transport', 'cookie') ? 'cookie' : 'bearer';

/** The session is kept over reloads and shared by all tabs. */
export const client = createClient({
  url: import.meta.env.VITE_GATELATCH_URL,
  transport,
  storage: webStorage(localStorage),
});
