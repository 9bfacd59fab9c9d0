// npm run routes: prints every row of the route table.
import { routes } from '../dist/routes.js';
import { routeTable } from './route-table.mjs';

const columns = ['method', 'path', 'guard', 'role', 'limits', 'statements', 'file'];
const rows = [Object.fromEntries(columns.map((name) => [name, name.toUpperCase()])), ...(await routeTable(routes))];
const widths = columns.map((name) => Math.max(...rows.map((row) => row[name].length)));
for (const row of rows)
  console.log(
    columns
      .map((name, n) => row[name].padEnd(widths[n]))
      .join('  ')
      .trimEnd(),
  );
