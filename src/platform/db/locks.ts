/**
 * Every advisory lock, in one list, so that no number has two meanings. Arbitrary numbers, except that of migrations:
 * `prisma migrate deploy` takes it too.
 */
export const locks = {
  migrations: 72_707_369,
  keys: 728_301_001,
  purge: 728_301_002,
  admins: 728_301_041,
  auditChain: 728_301_042,
  mailGate: 728_301_043,
  invitations: 728_301_044,
  webhooks: 728_301_045,
} as const;
