// npm run mails: writes every mail as it will look, light and dark, and a page that shows them all. The mails are those
// of src/mails.ts, and in the words of src/own/mail-texts.ts, about a user of a database in memory.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mails } from '../dist/mails.js';
import { ownMailTexts } from '../dist/own/mail-texts.js';
import { openDatabase } from '../dist/platform/db/database.js';
import { migrate } from '../dist/platform/db/migrations/migrate.js';
import { inOwnWords } from '../dist/platform/mail/own-texts.js';
import { renderMail } from '../dist/platform/mail/render.js';

const folder = process.argv[2] ?? '.data/mails';
const ada = '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31';
const bob = '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b32';

/** The mails that are not the only one of their purpose: what makes the server send this one instead. */
const otherwise = {
  verify_taken: { purpose: 'verify', userId: bob, recipient: 'ada@example.com' },
};

async function contents(db) {
  await db.$executeRaw`
    INSERT INTO "user" (id, username, username_key, email, email_key, pending_email, pending_email_key, password_hash)
    VALUES (${ada}::uuid, 'ada', 'ada', 'ada@example.com', 'ada@example.com', NULL, NULL, '-'),
      (${bob}::uuid, 'bob', 'bob', 'bob@example.com', 'bob@example.com', 'ada@example.com', 'ada@example.com', '-')`;
  await db.$executeRaw`
    INSERT INTO api_key (id, user_id, name, start, secret_hash, scopes, created_by, expires_at, expiry_told_at)
    VALUES (${bob}::uuid, ${ada}::uuid, 'Nightly backup', 'glk_x7Qa', '', '{todos:read}', ${ada}::uuid,
      now() + interval '6 days', now())`;
  await db.$executeRaw`
    INSERT INTO invitation (id, email, email_key, roles, invited_by, expires_at)
    VALUES (${bob}::uuid, 'ada@example.com', 'ada@example.com', '{}', ${bob}::uuid, '2026-12-06 14:18:00Z')`;
  await db.$executeRaw`
    INSERT INTO webhook (id, url, created_by, disabled_at, disabled_reason)
    VALUES (${bob}::uuid, 'https://shop.example.com/hooks/gatelatch', ${ada}::uuid, now(), 'gone')`;
  const detail = { username: 'ada', ip: '192.0.2.7', device: 'Firefox on Windows' };
  const usual = Object.keys(mails).map((purpose) => [
    purpose,
    { purpose, userId: ada, recipient: 'ada@example.com', detail },
  ]);
  const made = [];
  for (const [name, item] of [...usual, ...Object.entries(otherwise)]) {
    const content = await (await mails[item.purpose]({ db }, { detail: {}, ...item }))?.write();
    if (!content) throw new Error(`Nothing is sent for ${name}: give this script the rows that it needs.`);
    const show = (of, shown) => made.push([of, renderMail(shown, 'https://login.example.com')]);
    show(name, content);
    for (const locale of Object.keys(ownMailTexts.texts ?? {})) {
      const own = inOwnWords(content, item.purpose, locale, ownMailTexts);
      if (own !== content) show(`${name}.${locale}`, own);
    }
  }
  return made;
}

/** As a program in this mode shows it, whatever mode the browser of the page has. */
function shownIn(mode, html) {
  const dark = mode === 'dark' ? 'all' : 'not all';
  return html
    .replaceAll('(prefers-color-scheme: dark)', dark)
    .replaceAll('content="light dark"', `content="${mode}"`)
    .replace('color-scheme: light dark', `color-scheme: ${mode}`);
}

const escaped = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const frame = (name, mode) =>
  `<iframe title="${name}, ${mode}" src="${name}.${mode}.html" width="390" height="440"></iframe>`;

const section = ([name, { subject, text }]) => `<section>
<h2>${escaped(subject)} <small>${name}</small></h2>
<div>${frame(name, 'light')}${frame(name, 'dark')}<pre>${escaped(text)}</pre></div>
</section>`;

const page = (all) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>The mails of Gatelatch</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 1rem; background: #dfe3e8; color: #1d2129 }
div { display: flex; flex-wrap: wrap; gap: 1rem }
iframe, pre { border: 0; border-radius: 8px; margin: 0; max-width: 100% }
pre { background: #fff; padding: 1rem; flex: 1 20rem; white-space: pre-wrap; overflow-wrap: anywhere }
small { font-weight: normal }
</style>
<h1>The mails: light, dark, and as text</h1>
${all.map(section).join('\n')}
</html>
`;

const database = await openDatabase({ url: 'pglite:memory', poolSize: 1 });
try {
  await migrate(database);
  const all = await contents(database.client);
  mkdirSync(folder, { recursive: true });
  for (const [name, { text, html }] of all) {
    writeFileSync(join(folder, `${name}.html`), html);
    writeFileSync(join(folder, `${name}.txt`), text);
    for (const mode of ['light', 'dark']) writeFileSync(join(folder, `${name}.${mode}.html`), shownIn(mode, html));
  }
  writeFileSync(join(folder, 'index.html'), page(all));
  console.log(`${all.length} mails: open ${pathToFileURL(join(folder, 'index.html'))}`);
} finally {
  await database.close();
}
