import type { RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';
import { tokensIn } from './cookies.js';
import { openRefreshToken } from './refresh-tokens.js';

/** Forged tokens only: a MAC tells them, so others at the same address cannot keep a user's refresh out. */
export const refreshLimit: RowLimit<unknown> = {
  name: 'refresh',
  keys({ deps, limits, req, cookies }) {
    const token: string | undefined = req.body.refresh_token ?? tokensIn(cookies, deps.config.cookies).refreshToken;
    const free = token !== undefined && openRefreshToken(deps.keys, token) !== undefined;
    return byAddress(limits.refresh, req).map((address) => ({ ...address, free }));
  },
  afterwards: true,
  counts: (code) => code === 'invalid_refresh_token',
};
