import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { openEndpoint } from '../endpoint.js';
import type { FileFolder } from '../platform/http/endpoint.js';
import { page, sourceHash } from '../platform/http/page.js';

export function files(): FileFolder {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  return { folder, names: ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'] };
}

export const show = openEndpoint({
  name: 'showDocs',
  summary: 'A page to read and try this document',
  statements: 0,
  reply: [200, 'text/html'],
  returns: 'The page.',
  // Swagger UI has its icons as data: URLs in the stylesheet.
  handler: () =>
    page(html, { scripts: ["'self'", sourceHash(script)], styles: ["'self'"], images: ["'self'", 'data:'] }),
});

// The page stores no token and sends the document to no validator.
const script = `
SwaggerUIBundle({
  url: 'openapi.json',
  domNode: document.querySelector('main'),
  deepLinking: true,
  displayRequestDuration: true,
  showExtensions: true,
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
