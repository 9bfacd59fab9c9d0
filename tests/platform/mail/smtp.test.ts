import { describe, expect, it, onTestFinished } from 'vitest';
import { startAppForTest } from '../../support/app.js';
import { eventually } from '../../support/mails.js';
import { type SmtpSink, startSmtpSink } from '../../support/smtp-sink.js';

/** The first mail that arrives with these settings. */
async function mailWith(settings: Record<string, string>, query = '', email = 'ann@example.com') {
  const sink = await startSmtpSink();
  onTestFinished(sink.close);
  const app = await startAppForTest({ SMTP_URL: `${sink.url}${query}`, ...settings });
  await app.signUp({ email });
  await eventually(() => sink.mails.length === 1);
  return sink.mails[0] as SmtpSink['mails'][0];
}

describe('The mail server is greeted by', () => {
  it.each([
    ['https://login.example.com', '', 'login.example.com'],
    ['https://example.com/gate', '', 'example.com'],
    ['http://192.0.2.7:3000', '', '[192.0.2.7]'],
    ['http://[2001:db8::7]:3000', '', '[ipv6:2001:db8::7]'],
    ['https://login.example.com', '/?name=mail-out.example.com', 'mail-out.example.com'],
  ])('the host of JWT_ISSUER, or the name in SMTP_URL: %s%s', async (issuer, query, name) => {
    expect((await mailWith({ JWT_ISSUER: issuer, APP_URL: 'https://app.example' }, query)).greetedBy).toBe(name);
  });
});

describe('A mail', () => {
  it('has the name of MAIL_FROM in any alphabet, and both domains in ASCII', async () => {
    const mail = await mailWith({ MAIL_FROM: '"Bücher, GmbH" <no-reply@bücher.example>' }, '', 'Ann@Köln.example');
    expect(mail.raw.split('\r\n')).toContain('From: =?UTF-8?B?QsO8Y2hlciwgR21iSA==?= <no-reply@xn--bcher-kva.example>');
    expect(mail.raw).toMatch(/^Message-ID: <[\w-]+@xn--bcher-kva\.example>\r$/m);
    expect(mail.to).toBe('<Ann@xn--kln-sna.example>');
  });
});
