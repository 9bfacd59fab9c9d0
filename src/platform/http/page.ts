import { createHash } from 'node:crypto';
import type { Reply } from './endpoint.js';

type PageSources = { scripts: string[]; styles: string[]; images?: string[]; connects?: string[] };

/** A page that loads only the named sources, talks to this server and those named, and allows no frames and no forms. */
export function page(html: string, { scripts, styles, images = [], connects = [] }: PageSources): Reply<string> {
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.join(' ')}`,
    `style-src ${styles.join(' ')}`,
    `connect-src ${["'self'", ...connects].join(' ')}`,
    ...(images.length > 0 ? [`img-src ${images.join(' ')}`] : []),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return { body: html, headers: { 'Content-Security-Policy': policy.join(';') } };
}

export function sourceHash(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
}

type Form = {
  form: string;
  target: string;
  done: string;
  /** The field of the body that has the token. */
  field?: string;
};

/**
 * The page behind a mailed link, the same for every link: the script uses the token only when a person presses the
 * button, so that a mail scanner's GET uses nothing up.
 */
export function formPage(title: string, { form, target, done, field = 'token' }: Form): Reply<string> {
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${style}</style>
<main>
<h1>${title}</h1>
<form data-target="${target}" data-done="${done}" data-field="${field}">
${form}
</form>
<p role="status"></p>
<noscript>This page needs JavaScript.</noscript>
</main>
<script>${script}</script>
</html>
`;
  const { body, headers } = page(html, { scripts: [sourceHash(script)], styles: [sourceHash(style)] });
  return { body, headers: { ...headers, 'Referrer-Policy': 'no-referrer' } };
}

const style = `
body { font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 26rem; padding: 0 1rem; color-scheme: light dark }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .4rem; margin: .2rem 0 1rem }
input[type=checkbox] { display: inline; width: auto }
button { font: inherit; padding: .4rem 1rem }
`;

// Removes the token from the address bar at once, so that it stays out of histories and screenshots. Sends no cookie:
// the token is enough.
const script = `
const form = document.querySelector('form');
const say = (text) => { document.querySelector('[role=status]').textContent = text };
const token = new URLSearchParams(location.search).get('token');
history.replaceState(null, '', location.pathname);
if (!token) say('This link is not complete. Copy all of it from the mail.');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (!token) return;
  const boxes = [...form.querySelectorAll('[type=checkbox]')].map(({ name, checked }) => [name, checked]);
  try {
    const answer = await fetch(form.dataset.target, {
      method: 'POST',
      credentials: 'omit',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        [form.dataset.field]: token,
        ...Object.fromEntries([...new FormData(form), ...boxes]),
      }),
    });
    if (answer.ok) { form.hidden = true; return say(form.dataset.done) }
    const problem = await answer.json();
    for (const { path } of problem.errors ?? []) {
      const field = form.elements[path];
      if (field?.disabled) { field.disabled = false; field.parentElement.hidden = false; field.focus() }
    }
    say([problem.title, ...(problem.errors ?? []).map(({ message }) => message)].join('. '));
  } catch {
    say('The server cannot be reached just now. Try again.');
  }
});
`;
