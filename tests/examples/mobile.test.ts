import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

// `npm run types` checks those files.
it('The guide for apps shows the files of examples/mobile exactly', () => {
  const files = readdirSync(new URL('../../examples/mobile', import.meta.url)).filter((name) =>
    /(?<!\.d)\.ts$/.test(name),
  );
  const shown = [...read('docs/mobile.md').matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)];
  expect(shown.map(([, name]) => name).sort()).toEqual(files.sort());
  for (const [, name, code] of shown) expect(code).toBe(read(`examples/mobile/${name}`));
});
