/** The password of every user in the bench. */
export const PASSWORD = 'correct horse battery staple';

/**
 * Signs users up over HTTP.
 * @returns the token response of each
 */
export function signUpMany({ url }, count, prefix) {
  return Promise.all(Array.from({ length: count }, (_, n) => signUp(url, `${prefix}-${n}`)));
}

/** Logs in a user with {@link PASSWORD}. @returns the token response */
export function logIn({ url }, username) {
  return credentials(`${url}/auth/login`, username, 200);
}

function signUp(url, username) {
  return credentials(`${url}/auth/signup`, username, 201);
}

async function credentials(url, username, status) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  if (response.status !== status) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
