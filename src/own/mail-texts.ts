import type { MailTexts } from '../mails.js';

/** Your own words for mails, by language and purpose. A mail that has none is in ours. */
export const ownMailTexts: MailTexts = {};
