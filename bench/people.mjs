/** The password of everybody in the bench. */
export const PASSWORD = 'correct horse battery staple';

/**
 * Signs users up over HTTP.
 * @returns the token response of each
 */
export function signUpMany({ url }, count, prefix) {
  return Promise.all(Array.from({ length: count }, (_, n) => signUp(url, `${prefix}-${n}`)));
}

async function signUp(url, username) {
  const response = await fetch(`${url}/auth/signup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  if (response.status !== 201) throw new Error(`Sign-up answered ${response.status}: ${await response.text()}`);
  return response.json();
}
