import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageServer, startResourceServer, startServer } from './page-server.js';
import { type Page, pages } from './pages.js';
import { type Outcome, runSteps, type Step, stepsOf } from './run-page.js';

// As a reader does it: one page after the other, the blocks of each in a shell of its own.
const runnable = pages.filter((page) => stepsOf(page).length > 0);
const isExample = ({ path }: Page) => path.startsWith('examples/resource-server/');

describe.each([
  ['README and docs', startServer, runnable.filter((page) => !isExample(page))],
  ['The example service', startResourceServer, runnable.filter(isExample)],
])('%s', (_, start, chosen) => {
  let server: PageServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());

  it.each(chosen)('the commands of $path do what it says', { timeout: 120_000 }, async (page) => {
    const steps = stepsOf(page);
    const outcomes = await runSteps(steps, server);
    expect(steps.flatMap((step, place) => faultsOf(step, outcomes[place] as Outcome, server))).toEqual([]);
  });
});

/** What a step did otherwise than its page says. */
function faultsOf({ line, printed, text }: Step, { stdout, exitCode, statuses }: Outcome, { here }: PageServer) {
  const announced = refusalsIn(printed);
  const refused = statuses.filter((status) => status >= 400);
  const faults = [
    printed !== '' && !patternOf(here(printed)).test(withoutSpace(stdout)) && `it printed ${stdout}`,
    refused.join() !== announced.join() && `refused with [${refused}], the page says [${announced}]`,
    exitCode !== 0 && `it ended with ${exitCode}: ${stdout}`,
    statuses.includes(0) && 'curl got no answer',
    statuses.length === 0 && /\bcurl -/.test(text) && 'no curl ran',
  ];
  return faults.filter((fault) => fault !== false).map((fault) => `line ${line}: ${fault}`);
}

const withoutSpace = (text: string) => text.replaceAll(/\s/g, '');

/** The printed output as a pattern: `…` stands for any text, and line breaks do not count. */
function patternOf(printed: string): RegExp {
  const parts = withoutSpace(printed).split('…');
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('[^]*?')}$`);
}

/** The refusals that a page announces: `"status":401` in a body, or 401 on its own line. */
function refusalsIn(printed: string): number[] {
  return [...printed.matchAll(/(?:"status":|^)([45]\d\d)(?=[,\n])/gm)].map(([, status]) => Number(status));
}
