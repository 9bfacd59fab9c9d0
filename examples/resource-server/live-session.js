/**
 * Asks Gatelatch whether a token's session still lives, for actions that an ended session must not do. Gatelatch
 * answers from memory, so asking is cheap; a good answer is reused for some seconds.
 * @param {{ url: string, forSeconds?: number }} gatelatch
 * @returns {(token: string, claims: { jti: string }) => Promise<boolean>} false if the session has ended or roles have
 * changed
 * @throws if Gatelatch cannot be asked: then refuse the action
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
    // Cleared now and then, so that memory does not grow.
    if (goodUntil.size > 10_000) goodUntil.clear();
    if (isGood) goodUntil.set(jti, now + forSeconds * 1000);
    return isGood;
  };
}
