import { expect } from 'vitest';
import type { TestApp } from './app.js';

export type Sample = { name: string; labels: Record<string, string>; value: number };

/** The samples of a response in Prometheus' text format. @throws if a line is neither a sample nor a comment */
export function samplesIn(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !/^# (HELP|TYPE) \w+ ./.test(line));
  return lines.map((line) => {
    const [, name, labels = '', value] =
      /^([a-z_][a-z\d_]*)(?:\{(.*)\})? (-?[\d.e+-]+|NaN|Nan|\+Inf)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`This is no sample: ${line}`);
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label, text]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
}

/** What an app reports now: the sum of the samples with these labels, or undefined if there are none. */
export async function told(
  app: Pick<TestApp, 'http'>,
  name: string,
  labels: Record<string, string> = {},
): Promise<number | undefined> {
  const { text } = await app.http.get('/metrics').expect(200);
  const samples = samplesIn(text).filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return samples.length === 0 ? undefined : samples.reduce((sum, { value }) => sum + value, 0);
}

/** {@link told} with some patience: a request is counted only after it has ended. */
export async function expectTold(
  app: Pick<TestApp, 'http'>,
  name: string,
  labels: Record<string, string>,
  value: number,
): Promise<void> {
  await expect.poll(() => told(app, name, labels), { timeout: 5_000 }).toBe(value);
}
