import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { openEndpoint } from '../endpoint.js';
import type { FileFolder } from '../platform/http/endpoint.js';
import { page, sourceHash } from '../platform/http/page.js';

/** The files of Swagger UI that the page loads, from its package: nothing comes from elsewhere. */
export function files(): FileFolder {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  return { folder, names: ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'] };
}

/** The contract as a page, to read and to try. */
export const show = openEndpoint({
  name: 'showDocs',
  summary: 'The page of this document, to read and to try',
  statements: 0,
  reply: [200, 'text/html'],
  // The icons of Swagger UI are in its stylesheet.
  handler: () =>
    page(html, { scripts: ["'self'", sourceHash(script)], styles: ["'self'"], images: ["'self'", 'data:'] }),
});

// No token is kept beyond the page, and the document is sent to no validator.
const script = `
SwaggerUIBundle({
  url: 'openapi.json',
  domNode: document.querySelector('main'),
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: null,
});
`;

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Gatelatch: the contract</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<main></main>
<noscript>This page needs JavaScript. The document itself is at <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script>${script}</script>
</html>
`;
