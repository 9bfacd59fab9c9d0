import { writeFileSync } from 'node:fs';
import { json } from 'node:stream/consumers';
import openapiTS, { astToString } from 'openapi-typescript';

// Its schemas alone: what the paths add is three thousand lines that the client has no use for.
const { openapi, info, components } = await json(process.stdin);
const document = { openapi, info, paths: {}, components: { schemas: components.schemas } };
const types = `// Made from the OpenAPI document by \`npm run client:types\`; not to be edited.\n\n${astToString(await openapiTS(document))}`;

writeFileSync(process.argv[2] ?? new URL('src/api-types.ts', import.meta.url), types);
