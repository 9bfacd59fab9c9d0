import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { FileFolder, Reply } from '../endpoint.js';

/** The files of Swagger UI that the page loads, from its package: nothing comes from elsewhere. */
export function files(): FileFolder {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  return { folder, names: ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'] };
}

/** The contract as a page, to read and to try. */
export function handler(): Reply {
  return { status: 200, html: page, headers: { 'Content-Security-Policy': policy() } };
}

/** What the page's package and this very script need. They may talk to this server alone. */
function policy(): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
    "style-src 'self'",
    // Its icons are in its stylesheet.
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join(';');
}

// No token is kept beyond the page, and the document is sent to nobody's validator.
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

const page = `<!doctype html>
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
