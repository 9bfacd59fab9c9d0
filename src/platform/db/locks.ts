/**
 * Every advisory lock of this database, in one list, so that no two mean the same number. Any numbers do. The one of
 * migrations is Prisma's own: `prisma migrate deploy` takes it too, so it and the instances wait for each other.
 */
export const locks = {
  migrations: 72_707_369,
  keys: 728_301_001,
  purge: 728_301_002,
  admins: 728_301_041,
  auditChain: 728_301_042,
} as const;
