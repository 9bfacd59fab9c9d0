import { afterAll, describe, expect, it } from 'vitest';
import { type PageServer, removeTemplate, startResourceServer, startServer } from './page-server.js';
import { type Page, pages } from './pages.js';
import { type Outcome, runSteps, type Step, stepsOf } from './run-page.js';

afterAll(removeTemplate);

// As a reader does it: each page on its own server, all its blocks in one shell.
describe('The commands of each page work as it says:', { concurrent: true, timeout: 300_000 }, () => {
  it.each(pages.filter((page) => stepsOf(page).length > 0))('$path', async (page) => {
    const steps = stepsOf(page);
    const server = await startOf(page);
    try {
      const outcomes = await runSteps(steps, server);
      expect(steps.flatMap((step, place) => faultsOf(step, outcomes[place] as Outcome, server))).toEqual([]);
    } finally {
      await server.stop();
    }
  });
});

function startOf({ path }: Page): Promise<PageServer> {
  return path.startsWith('examples/resource-server/') ? startResourceServer() : startServer();
}

/** How a step differed from what its page says. */
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
