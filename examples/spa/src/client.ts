import { createClient, webStorage } from '@gatelatch/client';

/** Where a provider's answer comes to. */
export const callback = `${location.origin}/callback`;
export const isCallback = location.pathname === '/callback';

// The answer comes without the choice, so it is remembered for this tab.
const chosen = isCallback ? sessionStorage.getItem('transport') : new URLSearchParams(location.search).get('transport');

/**
 * `bearer`: tokens in localStorage, where any script of this page can read them. `cookie`: in cookies that no script
 * can read; that works here because both origins are of one site (ports do not matter).
 */
export const transport = chosen === 'cookie' ? 'cookie' : 'bearer';
sessionStorage.setItem('transport', transport);

/** The session is kept over reloads and shared by all tabs. */
export const client = createClient({
  url: import.meta.env.VITE_GATELATCH_URL,
  transport,
  storage: webStorage(localStorage),
});
