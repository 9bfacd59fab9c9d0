import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One import of one source file. */
export type Import = {
  /** The importing file, relative to `src/`: `http/mount.ts`. */
  from: string;
  /** A file relative to `src/`, a package's name, or `node:…`. */
  to: string;
  /** `import type`, which does not exist at run time. */
  typeOnly: boolean;
};

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** Every source file that is not generated, relative to `src/`. */
export const sources: string[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((path) => path.split(sep).join('/'))
  .filter((path) => path.endsWith('.ts') && !path.startsWith('generated/'))
  .sort();

export function textOf(source: string): string {
  return readFileSync(join(src, source), 'utf8');
}

export const imports: Import[] = sources.flatMap((from) =>
  specifiersIn(textOf(from)).map(({ specifier, typeOnly }) => ({ from, to: targetOf(from, specifier), typeOnly })),
);

function specifiersIn(text: string): { specifier: string; typeOnly: boolean }[] {
  const statements = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
  const calls = /(typeof\s+)?\b(?:import|require|resolve)\(\s*'([^']+)'/g;
  return [statements, calls].flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, type, specifier]) => ({
      specifier: `${specifier}`,
      typeOnly: type !== undefined,
    })),
  );
}

function targetOf(from: string, specifier: string): string {
  if (specifier.startsWith('.'))
    return normalize(join(dirname(from), specifier))
      .split(sep)
      .join('/')
      .replace(/\.js$/, '.ts');
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
