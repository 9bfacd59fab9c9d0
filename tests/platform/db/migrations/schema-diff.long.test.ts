import { describe, expect, it } from 'vitest';
import { checkedOutSchema, missingMigration } from '../../../../src/platform/db/migrations/schema-diff.js';

describe('the schema files and the migrations', () => {
  it('agree (if not: npm run db:migration -- <name>)', async () => {
    expect(await missingMigration(await checkedOutSchema())).toBe('');
  });

  it('are reported if they differ', async () => {
    const { files, folder } = await checkedOutSchema();
    const novelty = { path: 'novelty.prisma', content: 'model Novelty {\n  id String @id\n}\n' };
    expect(await missingMigration({ files: [...files, novelty], folder })).toContain('CREATE TABLE "Novelty"');
  });
});
