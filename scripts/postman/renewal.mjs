/* global pm */

/** Runs before every request of the collection. */
export function renewAccessToken() {
  if (pm.environment.name === undefined) throw new Error('Choose the environment "Gatelatch" at the top right.');

  // Replaces an access token that is missing or ends within half a minute, if there is a refresh token. Requests
  // without authorization need none.
  const refreshToken = pm.environment.get('refresh_token');
  const left = Number(pm.environment.get('access_token_expires_at')) - Date.now();
  const isGood = pm.environment.get('access_token') && left > 30000;
  if (refreshToken && !isGood && pm.request.auth?.type !== 'noauth') renew();

  function renew() {
    const request = {
      url: `${pm.environment.get('baseUrl')}/auth/refresh`,
      method: 'POST',
      header: { 'Content-Type': 'application/json' },
      body: { mode: 'raw', raw: JSON.stringify({ refresh_token: refreshToken }) },
    };
    pm.sendRequest(request, (error, answer) => {
      // Without an answer keep the old tokens: the server may come back.
      if (error) return console.warn(`The access token could not be renewed: ${error.message}`);
      if (answer.code === 200) keep(answer.json());
      // The session has ended, so a new login is needed.
      else if (answer.code === 401) pm.environment.unset('refresh_token');
    });
  }

  function keep(tokens) {
    pm.environment.set('access_token', tokens.access_token);
    pm.environment.set('access_token_expires_at', Date.now() + tokens.expires_in * 1000);
    pm.environment.set('refresh_token', tokens.refresh_token);
  }
}

/** Runs after each request that signs in or refreshes; the next requests send what it keeps. */
export function keepTokens() {
  const answer = pm.response.json();
  for (const name of ['access_token', 'refresh_token', 'device_token', 'session_id'])
    if (answer[name]) pm.environment.set(name, answer[name]);
  pm.environment.set('access_token_expires_at', Date.now() + answer.expires_in * 1000);
}
