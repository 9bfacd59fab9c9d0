import { createHash } from 'node:crypto';
import type { Reply } from '../../endpoint.js';

/**
 * The pages that mailed links lead to. They are the same whatever the link says: the token is read by the script, in
 * the browser, and used only when a person presses the button, so that a mail scanner's GET consumes nothing.
 */
export function verifyEmail(): Reply {
  return page('Confirm your e-mail address', {
    form: '<button>Confirm the address</button>',
    target: 'auth/email/verify',
    done: 'The address is confirmed. You can close this page.',
  });
}

export function resetPassword(): Reply {
  return page('Set a new password', {
    form: `<label>New password <input name="password" type="password" autocomplete="new-password" required></label>
<button>Set the password</button>`,
    target: 'auth/password/reset',
    done: 'The password is set, and every session has ended. Log in with the new one.',
  });
}

type Page = { form: string; target: string; done: string };

function page(title: string, { form, target, done }: Page): Reply {
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${style}</style>
<main>
<h1>${title}</h1>
<form data-target="${target}" data-done="${done}">
${form}
</form>
<p role="status"></p>
<noscript>This page needs JavaScript.</noscript>
</main>
<script>${script}</script>
</html>
`;
  return { status: 200, html, headers: { 'Content-Security-Policy': policy(), 'Referrer-Policy': 'no-referrer' } };
}

/** Nothing but this very style and script, which may talk to this server alone; no frame around it, no form out of it. */
function policy(): string {
  return [
    "default-src 'none'",
    `style-src ${sourceHash(style)}`,
    `script-src ${sourceHash(script)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join(';');
}

function sourceHash(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
}

const style = `
body { font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 26rem; padding: 0 1rem; color-scheme: light dark }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .4rem; margin: .2rem 0 1rem }
button { font: inherit; padding: .4rem 1rem }
`;

// The token leaves the address bar at once, where histories and shoulders would find it. No cookie goes along: it is
// the token that opens this.
const script = `
const form = document.querySelector('form');
const say = (text) => { document.querySelector('[role=status]').textContent = text };
const token = new URLSearchParams(location.search).get('token');
history.replaceState(null, '', location.pathname);
if (!token) say('This link is not complete. Copy all of it from the mail.');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (!token) return;
  try {
    const answer = await fetch(form.dataset.target, {
      method: 'POST',
      credentials: 'omit',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token, ...Object.fromEntries(new FormData(form)) }),
    });
    if (answer.ok) { form.hidden = true; return say(form.dataset.done) }
    const problem = await answer.json();
    say([problem.title, ...(problem.errors ?? []).map(({ message }) => message)].join('. '));
  } catch {
    say('The server cannot be reached just now. Try again.');
  }
});
`;
