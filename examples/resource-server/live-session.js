/**
 * Asks Gatelatch whether the session of a token still lives, for what must not be done on an old word. It answers
 * without looking into its database, so asking is cheap; a good answer counts for some seconds more.
 * @param {{ url: string, forSeconds?: number }} gatelatch
 * @returns {(token: string, claims: { jti: string }) => Promise<boolean>} false where the session has ended or roles
 *   have changed
 * @throws where Gatelatch can't be asked: whoever can't tell must not go on
 */
export function createLiveSession({ url, forSeconds = 5 }) {
  const goodUntil = new Map();

  async function ask(token) {
    const headers = { Authorization: `Bearer ${token}` };
    const { status } = await fetch(`${url}/welcome`, { headers, signal: AbortSignal.timeout(3000) });
    if (status !== 200 && status !== 401) throw new Error(`Gatelatch answered ${status}.`);
    return status === 200;
  }

  return async (token, { jti }) => {
    const now = Date.now();
    if (goodUntil.get(jti) > now) return true;
    const isGood = await ask(token);
    // Forgotten all at once now and then, so that memory stays flat.
    if (goodUntil.size > 10_000) goodUntil.clear();
    if (isGood) goodUntil.set(jti, now + forSeconds * 1000);
    return isGood;
  };
}
