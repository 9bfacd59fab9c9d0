import { describe, expect, it } from 'vitest';
import { checkedOutSchema, missingMigration } from '../../../../src/platform/db/migrations/schema-diff.js';

describe('schema.prisma and the migrations', () => {
  it('agree (else: npm run db:migration -- <name>)', async () => {
    expect(await missingMigration(await checkedOutSchema())).toBe('');
  });

  it('are told apart where they disagree', async () => {
    const { schema, folder } = await checkedOutSchema();
    const changed = `${schema}\nmodel Novelty {\n  id String @id\n}\n`;
    expect(await missingMigration({ schema: changed, folder })).toContain('CREATE TABLE "Novelty"');
  });
});
