import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startApp, type TestApp } from '../support/app.js';

const read = (path: string) => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');

type Panel = { id: number; type: string; title: string; targets?: { expr: string }[] };
const dashboard: { panels: Panel[]; templating: { list: { name: string }[] } } = JSON.parse(
  read('grafana/gatelatch.json'),
);
const alerts: { groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[] } = parse(
  read('prometheus/alerts.yml'),
);
const scraping: {
  rule_files: string[];
  scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
} = parse(read('prometheus/prometheus.yml'));

const rules = alerts.groups.flatMap((group) => group.rules);
const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** The metrics in a query: each comes before its labels. */
const metricsIn = (query: string) => [...query.matchAll(/([a-z_][\w]*)\{/g)].map(([, name]) => `${name}`);

describe('The metrics of the monitoring exist', () => {
  let app: TestApp;
  let known: Map<string, string>;

  beforeAll(async () => {
    app = await startApp();
    const { text } = await app.http.get('/metrics').expect(200);
    known = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [`${name}`, `${type}`]));
  });
  afterAll(() => app.stop());

  /** Whether the server has this metric; the parts of a histogram end in _bucket, _sum and _count. */
  function exists(metric: string): boolean {
    const histogram = known.get(metric.replace(/_(bucket|sum|count)$/, '')) === 'histogram';
    return known.has(metric) || histogram || metric === 'up';
  }

  it.each(dashboard.panels.filter(({ type }) => type !== 'row'))('for the panel $title', ({ targets }) => {
    expect(targets).not.toEqual([]);
    for (const { expr } of targets ?? []) {
      expect(metricsIn(expr), expr).not.toEqual([]);
      expect(metricsIn(expr).filter((metric) => !exists(metric))).toEqual([]);
    }
  });

  it.each(rules)('for the alert $alert', ({ expr, annotations }) => {
    expect(metricsIn(expr), expr).not.toEqual([]);
    expect(metricsIn(expr).filter((metric) => !exists(metric))).toEqual([]);
    expect(annotations.summary).toMatch(/\.$/);
  });
});

describe('The dashboard', () => {
  it('has unique panels, and uses only its own variables', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const variables = new Set([...dashboard.templating.list.map(({ name }) => name), '__rate_interval']);
    for (const query of queries)
      for (const [, variable] of query.matchAll(/\$\{?(\w+)/g)) expect([...variables]).toContain(variable);
  });
});

describe('The Prometheus set-up', () => {
  it('loads the alerts next to it, and they query the job that it scrapes', () => {
    for (const file of scraping.rule_files)
      expect(existsSync(new URL(`../../deploy/prometheus/${file}`, import.meta.url))).toBe(true);
    const [job] = scraping.scrape_configs;
    for (const { expr } of rules) expect(expr).toContain(`job="${job?.job_name}"`);
  });
});
