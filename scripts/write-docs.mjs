// npm run docs: writes docs/reference/ and .env.example from the code.
import { mkdirSync, writeFileSync } from 'node:fs';
import { auditMeanings } from '../dist/audit/events.js';
import { commands } from '../dist/commands.js';
import { errorAdvice, errorCatalogue } from '../dist/errors.js';
import { tokensOf } from '../dist/platform/http/tokens-of-row.js';
import { routes } from '../dist/routes.js';
import { settingGroups } from '../dist/settings.js';
import { referencePages } from './reference-pages.mjs';
import { routeTable } from './route-table.mjs';

const errors = { catalogue: errorCatalogue, advice: errorAdvice };
const table = await routeTable(routes, tokensOf);
const pages = referencePages({ settingGroups, errors, auditMeanings, commands, routes: table });
mkdirSync(new URL('../docs/reference', import.meta.url), { recursive: true });
for (const [path, text] of Object.entries(pages)) writeFileSync(new URL(`../${path}`, import.meta.url), text);
