// For Prisma's own command line, which is not installed: `npx prisma@7.10.0 studio`, for example.
export default {
  schema: 'prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? '' },
};
