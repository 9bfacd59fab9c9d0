import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Page, pages } from './pages.js';
import {
  here,
  type Outcome,
  type PageServer,
  runBlocks,
  startResourceServer,
  startServer,
  stepsOf,
} from './run-page.js';

// A reader's terminal: each page on a server of its own, its blocks one after the other in one shell.
describe.each(pages.filter((page) => stepsOf(page).length > 0))('$path', (page) => {
  const steps = stepsOf(page);
  let server: PageServer;
  let outcomes: Outcome[];
  beforeAll(async () => {
    server = await startOf(page);
    outcomes = await runBlocks(
      steps.map(({ text }) => text),
      server,
    );
  });
  afterAll(() => server.stop());

  it.each(steps.map(({ line }, place) => [line, place]))(
    'the commands of line %i do what the page says',
    (_, place) => {
      const outcome = outcomes[place] as Outcome;
      const printed = here(steps[place]?.printed ?? '', server);
      if (printed !== '') expect(withoutSpace(outcome.stdout), outcome.stdout).toMatch(patternOf(printed));
      expect(outcome.statuses.filter((status) => status >= 400)).toEqual(refusalsIn(printed));
      expect(outcome.exitCode, outcome.stdout).toBe(0);
    },
  );
});

function startOf({ path }: Page): Promise<PageServer> {
  return path.startsWith('examples/resource-server/') ? startResourceServer() : startServer();
}

const withoutSpace = (text: string) => text.replaceAll(/\s/g, '');

/** The printed output as a pattern: `…` stands for anything, and how lines are broken does not count. */
function patternOf(printed: string): RegExp {
  const parts = withoutSpace(printed).split('…');
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('[^]*?')}$`);
}

/** The refusals that a page announces: `"status":401` in a body, or 401 on a line of its own. */
function refusalsIn(printed: string): number[] {
  return [...printed.matchAll(/(?:"status":|^)([45]\d\d)(?=[,\n])/gm)].map(([, status]) => Number(status));
}
