import { parseConfig } from '../dist/config.js';
import { contractOf } from '../dist/platform/openapi/document.js';
import { routes } from '../dist/routes.js';
import { sentEvents } from '../dist/webhooks/contract.js';

// With default settings, whatever this machine sets.
process.stdout.write(`${JSON.stringify(contractOf(routes, parseConfig({}), '', sentEvents), null, 2)}\n`);
