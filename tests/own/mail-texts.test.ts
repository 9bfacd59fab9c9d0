import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { invite } from '../../src/invitations/invite.js';
import type { MailTexts } from '../../src/mails.js';
import { insertApiKey } from '../support/api-keys.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { confirm, mailsOf, mailTo, settledMails } from '../support/mails.js';

const german = {
  greeting: (username) => (username === undefined ? 'Guten Tag,' : `Hallo ${username},`),
  footer: (url) => `Diese Nachricht kommt von ${url}. Bitte antworten Sie nicht.`,
  mails: {
    verify: () => ({
      subject: 'Bestätigen Sie Ihre Adresse',
      paragraphs: ['Gehört diese Adresse Ihnen? <b>Schön</b>.', { button: 'Adresse bestätigen' }, 'Grüße'],
    }),
    password_changed: ({ device, ip, keys }) => ({
      subject: 'Neues Passwort',
      paragraphs: [`Von ${device}, ${ip}.`, ...(keys ? [`Es gelten noch: ${keys}`] : [])],
    }),
    invitation: ({ inviter, until }) => ({
      subject: 'Einladung',
      paragraphs: [`${inviter} lädt Sie ein, bis ${until}.\r\nBcc: all@example.com`, { button: 'Annehmen' }],
    }),
  },
} satisfies NonNullable<MailTexts['texts']>[string];

const texts: MailTexts = {
  async localeOf({ to, userId }, { db }) {
    const user = userId === null ? null : await db.user.findUnique({ where: { id: userId } });
    return user?.username.startsWith('de-') || to.endsWith('.de') ? 'de' : 'en';
  },
  texts: { de: german },
};

let app: TestApp;
beforeAll(async () => {
  app = await startApp({}, { own: { mailTexts: texts } });
});
afterAll(() => app.stop());

// A name with many digits could be a telephone number, which a mail does not name.
const fresh = (before = '') => `${before}${randomBytes(5).toString('hex').replace(/\d/g, 'x')}${++made}`;
let made = 0;
const signUp = (language: string) => {
  const [username, email] = [fresh(`${language}-`), `${fresh()}@example.com`];
  return app.signUp({ username, email }).then((user) => ({ ...user, email }));
};

describe('A mail in own words', () => {
  it('has them in the subject, in both parts and in their frame, with any letters, and its link works', async () => {
    const { email, username } = await signUp('de');
    const { raw, text, html, token } = await mailTo(app, email);
    expect(raw).toMatch(/^Subject: =\?UTF-8\?B\?[\w+/=]+\?=\r$/m);
    expect(Buffer.from(/=\?UTF-8\?B\?([\w+/=]+)\?=/.exec(raw)?.[1] ?? '', 'base64').toString()).toBe(
      'Bestätigen Sie Ihre Adresse',
    );
    expect(raw).toMatch(/^[\0-\x7f]*$/);
    expect(Math.max(...raw.split('\r\n').map((line) => line.length))).toBeLessThan(999);
    const link = `${app.config.appUrl}/verify-email?token=${token}`;
    expect(text).toBe(
      [
        `Hallo ${username},`,
        'Gehört diese Adresse Ihnen? <b>Schön</b>.',
        `Adresse bestätigen:\r\n${link}`,
        'Grüße',
        `Diese Nachricht kommt von ${app.config.appUrl}. Bitte antworten Sie nicht.\r\n\r\n`,
      ].join('\r\n\r\n'),
    );
    expect(html).toContain('<html lang="de">');
    expect(html).toContain('&#60;b&#62;Schön&#60;/b&#62;');
    expect(html).toContain(`href="${link}"`);
    expect(html).not.toMatch(/Hello|sent by/);
    await app.http.post('/auth/email/verify').send({ token }).expect(204);
  });

  it('can say where something came from, and which API keys are left', async () => {
    const user = await signUp('de');
    const { token } = await mailTo(app, user.email);
    await app.http.post('/auth/email/verify').send({ token }).expect(204);
    await insertApiKey(app, user.userId, ['todos:read']);
    const change = { current_password: user.password, new_password: 'the second battery staple of many' };
    await app.http.post('/me/password').set(user.bearer).send(change).expect(204);
    const { text } = await mailTo(app, user.email, /Neues Passwort/);
    expect(text).toMatch(/Von an unknown device, (::ffff:)?127\.0\.0\.1\./);
    expect(text).toMatch(/Es gelten noch: .*glk_/);
  });

  it('cannot add headers or lines to itself', async () => {
    const email = `${fresh()}@example.de`;
    await invite(app.deps, { email, roles: [] }, {}, 'all');
    const { raw, text } = await mailTo(app, email);
    expect(raw).not.toMatch(/^Bcc:/m);
    expect(text).toMatch(/^Guten Tag,\r\n\r\nundefined lädt Sie ein, bis \d{4}-\d\d-\d\d \d\d:\d\d UTC\. {2}Bcc:/);
  });
});

describe('A mail is in our words', () => {
  it('in a language, and for a purpose, that has no own ones', async () => {
    const english = await signUp('en');
    const mail = await mailTo(app, english.email);
    expect(mail.subject).toBe('Confirm your e-mail address');
    expect(mail.text).toContain('Please do not reply to it.');
    const user = await signUp('de');
    const { token } = await mailTo(app, user.email);
    await app.http.post('/auth/email/verify').send({ token }).expect(204);
    await app.http.post('/auth/password/forgot').send({ email: user.email }).expect(202);
    const { text, html } = await mailTo(app, user.email, /Set a new password/);
    expect(text).toMatch(/^Hello de-\w+,/);
    expect(html).toContain('<html lang="en">');
  });

  it('for who has an account with the address already: the words of `verify` are none for it', async () => {
    const owner = await signUp('en');
    await confirm(app, owner.email);
    const user = await app.signUp({ username: fresh('de-') });
    const wish = { email: owner.email, password: user.password };
    await app.http.patch('/me').set(user.bearer).send(wish).expect(200);
    const { text } = await mailTo(app, owner.email, /already have an account/);
    expect(text).not.toContain('/verify-email');
  });
});

it('A language that cannot be told keeps the mail back, until it can', async () => {
  let isBroken = true;
  const localeOf = () => {
    if (isBroken) throw new Error('The table of languages is not there');
    return 'de';
  };
  const own = await startAppForTest({}, { own: { mailTexts: { ...texts, localeOf } } });
  const email = `${fresh()}@example.com`;
  await own.signUp({ email });
  await expect.poll(() => own.logs.filter(({ purpose }) => purpose === 'verify').length).toBeGreaterThan(0);
  expect(mailsOf(own)).toEqual([]);
  isBroken = false;
  expect((await settledMails(own)).map(({ html }) => /lang="(\w+)"/.exec(html)?.[1])).toEqual(['de']);
});

it('A language that takes for ever to tell keeps its own mail back, and no others', async () => {
  const localeOf = ({ to }: { to: string }) =>
    to.startsWith('stuck') ? new Promise<string>(() => undefined) : Promise.resolve('de');
  const own = await startAppForTest({}, { own: { mailTexts: { ...texts, localeOf } } });
  for (let at = 0; at < 12; at++) await own.signUp({ email: `stuck-${at}@example.com` });
  const email = `${fresh()}@example.com`;
  await own.signUp({ email });
  await expect.poll(() => mailsOf(own).map(({ to }) => to), { timeout: 15_000 }).toEqual([`<${email}>`]);
  expect(JSON.stringify(own.logs)).toMatch(/own\/mail-texts\.ts: localeOf/);
});

it('A subject of own words is one line of the head, however long and whatever is in it', async () => {
  const subject = `Ready\r\nBcc: all@example.com\r\n\r\n<b>${'x'.repeat(2_000)}`;
  const verify = () => ({ subject, paragraphs: [{ button: '<b>Go</b>\r\nhttps://evil.example' }] });
  const own = await startAppForTest({}, { own: { mailTexts: { texts: { en: { mails: { verify } } } } } });
  const email = `${fresh()}@example.com`;
  await own.signUp({ email });
  const { raw, html } = await mailTo(own, email);
  expect(raw.split('\r\n\r\n')[0]).not.toMatch(/^Bcc:/m);
  expect(Math.max(...raw.split('\r\n').map((line) => line.length))).toBeLessThan(999);
  expect(html).not.toMatch(/<b>/);
  expect([...html.matchAll(/href="([^"]*)"/g)].map(([, url = '']) => new URL(url.split('&')[0] ?? '').origin)).toEqual([
    'http://localhost:3000',
  ]);
});

describe('The start is refused to own words', () => {
  const withMail = (mails: NonNullable<MailTexts['texts']>[string]['mails']) => ({
    own: { mailTexts: { texts: { de: { mails } } } },
  });
  it('for a mail that is nothing without its link, where they have no button', async () => {
    const forgot = () => ({ subject: 'Neues Passwort', paragraphs: ['Hier.'] });
    await expect(startApp({}, withMail({ forgot }))).rejects.toMatchObject({
      name: 'StartError',
      message: 'own/mail-texts.ts: the mail forgot of de must have one button, which is its link.',
    });
  });

  it('for a notice, where they have one', async () => {
    const totp_added = () => ({ subject: 'Neue App', paragraphs: [{ button: 'Hier' }] });
    await expect(startApp({}, withMail({ totp_added }))).rejects.toMatchObject({
      message: 'own/mail-texts.ts: the mail totp_added of de has no link, so it may have no button.',
    });
  });

  it('of a purpose that there is not, by the compiler', () => {
    const text = () => ({ subject: 'Hallo', paragraphs: [] });
    // @ts-expect-error There is no such mail.
    const wrong: MailTexts = { texts: { de: { mails: { forgott: text } } } };
    expect(wrong).toBeDefined();
  });
});
