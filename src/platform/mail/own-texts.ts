import { StartError } from '../../errors.js';
import type { Db } from '../db/database.js';
import { looksLikeLink, type MailContent, type MailFacts, printable } from './render.js';

/** `button` is the label of the mail's link. */
type OwnText = (facts: MailFacts) => { subject: string; paragraphs: (string | { button: string })[] };

/** The texts of one language. A mail that has none of them is ours, greeting and footer too. */
type LocaleTexts<Name extends string> = {
  greeting?: (username: string | undefined) => string;
  /** @param url `APP_URL` */
  footer?: (url: string) => string;
  mails: Partial<Record<Name, OwnText>>;
};

export type OwnMailTexts<Name extends string = string> = {
  /** The language of a mail, such as `de`; by default `en`. If it throws or takes longer than two seconds, the mail is tried again later. */
  localeOf?: (
    mail: { purpose: string; to: string; userId: string | null },
    tools: { db: Db },
  ) => string | Promise<string>;
  /** By language. */
  texts?: Record<string, LocaleTexts<Name>>;
};

/** A mail in an adopter's words, where there are some for it in that language. */
export function inOwnWords(
  content: MailContent,
  purpose: string,
  locale: string,
  { texts = {} }: OwnMailTexts,
): MailContent {
  const { name = purpose, username, paragraphs: ours } = content;
  const inLocale = Object.hasOwn(texts, locale) ? texts[locale] : undefined;
  const text = inLocale?.mails[name];
  if (!inLocale || !text) return content;
  const facts = factsOf({ ...content.facts, username: username && (looksLikeLink(username) ? undefined : username) });
  const { subject, paragraphs } = text(facts);
  const path = ours.flatMap((one) => (typeof one === 'string' ? [] : [one.path]))[0];
  return {
    ...content,
    subject,
    paragraphs: paragraphs.map((one) =>
      typeof one === 'string' ? one : { label: one.button, path: pathFor(name, path) },
    ),
    words: { locale, greeting: inLocale.greeting?.(facts.username), footer: inLocale.footer },
  };
}

/** They may hold what a user typed. */
function factsOf(facts: Record<string, string | undefined>): MailFacts {
  const given = Object.entries(facts).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(given.map(([name, fact]) => [name, printable(fact)]));
}

function pathFor(name: string, path: string | undefined): string {
  if (path === undefined) throw new Error(`own/mail-texts.ts: the mail ${name} has no link for a button`);
  return path;
}

const someFacts: MailFacts = {
  username: 'ada',
  device: 'Firefox on Windows',
  ip: '192.0.2.7',
  keys: 'Nightly backup (glk_x7Qa)',
  inviter: 'bob',
  until: '2026-12-06 14:18 UTC',
};

/** @param withLink mails that are nothing without their link @throws StartError if a text cannot be used */
export function checkMailTexts({ texts = {} }: OwnMailTexts, withLink: readonly string[]): void {
  for (const [locale, { mails }] of Object.entries(texts))
    for (const [name, text] of Object.entries(mails))
      for (const facts of [someFacts, {}]) {
        const buttons = text?.(facts).paragraphs.filter((one) => typeof one !== 'string').length;
        const due = withLink.includes(name) ? 1 : 0;
        const rule = due ? 'must have one button, which is its link' : 'has no link, so it may have no button';
        if (buttons !== due) throw new StartError(`own/mail-texts.ts: the mail ${name} of ${locale} ${rule}.`);
      }
}
