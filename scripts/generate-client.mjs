// node scripts/generate-client.mjs <folder of the schema>: writes the Prisma client, as `prisma generate` does, by the
// same generator. Prisma's own command line is four times as heavy, and looks for an engine that this does not need.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

// As CommonJS: what these packages have as ES modules does not load in Node.
const require = createRequire(import.meta.url);
const { PrismaClientTsGenerator } = require('@prisma/client-generator-ts');
const { getConfig, getDMMF, mergeSchemas } = require('@prisma/internals');
const { enginesVersion } = createRequire(require.resolve('@prisma/client-generator-ts'))('@prisma/engines-version');

const folder = resolve(process.argv[2] ?? 'prisma');
const names = readdirSync(folder).filter((name) => name.endsWith('.prisma'));
const datamodel = names.sort().map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')]);

try {
  await generate();
} catch (error) {
  // What is wrong with the schema, and where; a stack would only name Prisma's files.
  console.error(error.message);
  process.exitCode = 1;
}

async function generate() {
  const { generators, datasources } = await getConfig({ datamodel });
  const [generator] = generators;
  generator.output.value = join(folder, generator.output.value);
  await new PrismaClientTsGenerator().generate({
    generator,
    otherGenerators: [],
    schemaPath: folder,
    dmmf: await getDMMF({ datamodel }),
    datasources,
    datamodel: mergeSchemas({ schemas: datamodel }),
    version: enginesVersion,
  });
}
