/// <reference types="vite/client" />
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
// @ts-expect-error It is plain JavaScript.
import { referencePages } from '../../scripts/reference-pages.mjs';
// @ts-expect-error It is plain JavaScript too.
import { routeTable } from '../../scripts/route-table.mjs';
import { auditActions, auditMeanings } from '../../src/audit/events.js';
import { commands } from '../../src/commands.js';
import { errorAdvice, errorCatalogue } from '../../src/errors.js';
import { tokensOf } from '../../src/platform/http/tokens-of-row.js';
import { eachProviderSettings } from '../../src/providers/settings.js';
import { routes } from '../../src/routes.js';
import { settingGroups, settings } from '../../src/settings.js';

const errors = { catalogue: errorCatalogue, advice: errorAdvice };
// The modules of the rooms as these tests load them; the script uses the compiled ones.
const found = import.meta.glob(['../../src/*/**/*.ts', '!**/generated/**', '!**/platform/**'], { eager: true });
const modules = Object.fromEntries(
  Object.entries(found).map(([path, module]) => [path.replace('../../src/', ''), module]),
);
const pages: Record<string, string> = referencePages({
  settingGroups,
  errors,
  auditMeanings,
  commands,
  routes: await routeTable(routes, tokensOf, modules),
});

it.each(Object.keys(pages))('%s is up to date with the code (if not: npm run docs)', (path) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(pages[path]);
});

it('the reference lists every setting, error, audit action, command and route', () => {
  const rowsOf = (name: string) => pages[`docs/reference/${name}.md`]?.match(/^\| `.*$/gm)?.length;
  expect(rowsOf('settings')).toBe(Object.keys(settings.shape).length + Object.keys(eachProviderSettings).length);
  expect(rowsOf('errors')).toBe(Object.keys(errorCatalogue).length);
  expect(rowsOf('audit-actions')).toBe(auditActions.length);
  expect(rowsOf('routes')).toBe(routes.length);
  expect(pages['docs/reference/commands.md']?.match(/^## .*$/gm)).toHaveLength(commands.length);
});

it('every setting, error and audit action is described', () => {
  for (const [name, setting] of Object.entries(settings.shape)) expect(setting.description, name).toMatch(/^.+\.$/);
  for (const text of [...Object.values(errorAdvice), ...Object.values(auditMeanings)]) expect(text).toMatch(/^.+\.$/);
});
