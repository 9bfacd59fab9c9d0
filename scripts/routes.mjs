// npm run routes: prints every row of the route table.
import { tokensOf } from '../dist/platform/http/tokens-of-row.js';
import { routes } from '../dist/routes.js';
import { routeTable } from './route-table.mjs';

const columns = ['method', 'path', 'guard', 'tokens', 'needs', 'limits', 'statements', 'file'];
const rows = [
  Object.fromEntries(columns.map((name) => [name, name.toUpperCase()])),
  ...(await routeTable(routes, tokensOf)),
];
const widths = columns.map((name) => Math.max(...rows.map((row) => row[name].length)));
for (const row of rows)
  console.log(
    columns
      .map((name, n) => row[name].padEnd(widths[n]))
      .join('  ')
      .trimEnd(),
  );
