// The route table as rows of text, with the file of each endpoint.
import { readdirSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const dist = fileURLToPath(new URL('../dist', import.meta.url));

/**
 * @param tokensOf tells which tokens a row takes
 * @param modules the rooms' modules by path below src/; by default the built ones
 * @returns a row each: method, path, guard, tokens, needs, limits, statements, file and summary
 */
export async function routeTable(routes, tokensOf, modules = undefined) {
  const fileOf = filesOfEndpoints(modules ?? (await builtModules()));
  return routes.map((row) => tableRow(row, tokensOf, fileOf));
}

function tableRow(row, tokensOf, fileOf) {
  const { method, path, guard, role, permission, limits, endpoint } = row;
  return {
    method,
    path,
    guard: guard.name,
    tokens: tokensOf(row) ?? '',
    needs: [permission ?? [], role === undefined ? [] : `role ${role}`].flat().join(', '),
    limits: limits.map(({ name }) => name).join(', '),
    statements: endpoint.statements === undefined ? '' : String(endpoint.statements),
    // An endpoint that is created inside the table, such as the contract's, has no file.
    file: fileOf.get(endpoint) ?? 'src/routes.ts',
    summary: endpoint.summary,
  };
}

function filesOfEndpoints(modules) {
  const found = new Map();
  for (const [path, module] of Object.entries(modules))
    for (const value of Object.values(module))
      if (typeof value?.handler === 'function') found.set(value, `src/${path}`);
  return found;
}

async function builtModules() {
  const paths = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'));
  const rooms = paths.filter((path) => !/^(generated|platform)\/|^[^/]+$/.test(path));
  const loaded = rooms.map(async (path) => [
    path.replace(/\.js$/, '.ts'),
    await import(pathToFileURL(`${dist}/${path}`)),
  ]);
  return Object.fromEntries(await Promise.all(loaded));
}
