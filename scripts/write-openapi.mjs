import { parseConfig } from '../dist/config.js';
import { contractOf } from '../dist/platform/openapi/document.js';
import { routes } from '../dist/routes.js';

// With default settings, whatever this machine sets.
process.stdout.write(`${JSON.stringify(contractOf(routes, parseConfig({})), null, 2)}\n`);
