import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

type Locked = { link?: boolean; hasInstallScript?: boolean };
const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Locked>;
};

it('npm ci brings at most 450 packages', () => {
  expect(Object.keys(packages).filter((path) => path.includes('node_modules/')).length).toBeLessThanOrEqual(450);
});

it.each(['@prisma/dev', '@prisma/studio-core'])(
  '%s is left out: Prisma still asks for the version that stands for it',
  (name) => {
    expect(packages[`node_modules/${name}`]?.link).toBe(true);
  },
);
