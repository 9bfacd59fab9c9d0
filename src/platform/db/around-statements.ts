import type { SqlDriverAdapterFactory, SqlQueryable } from '@prisma/driver-adapter-utils';
import type { Driver } from './driver.js';

export type AroundStatement = <T>(sql: string, run: () => Promise<T>) => Promise<T>;

/** The same driver with `around` each statement, in transactions too, but not around BEGIN and COMMIT. */
export function aroundStatements(driver: Driver, around: AroundStatement): Driver {
  const { adapters, runDirect, runSql } = driver;
  return {
    ...driver,
    adapters: aroundAdapters(adapters, around),
    runDirect: (statement) => around(statement.text, () => runDirect(statement)),
    runSql: runSql && ((text, values) => around(text, () => runSql(text, values))),
  };
}

function aroundAdapters(adapters: SqlDriverAdapterFactory, around: AroundStatement): SqlDriverAdapterFactory {
  return {
    provider: adapters.provider,
    adapterName: adapters.adapterName,
    connect: async () => {
      const adapter = aroundQueries(await adapters.connect(), around);
      const begin = adapter.startTransaction.bind(adapter);
      adapter.startTransaction = async (isolation) => aroundQueries(await begin(isolation), around);
      return adapter;
    },
  };
}

function aroundQueries<Queryable extends SqlQueryable>(queryable: Queryable, around: AroundStatement): Queryable {
  const query = queryable.queryRaw.bind(queryable);
  const execute = queryable.executeRaw.bind(queryable);
  queryable.queryRaw = (statement) => around(statement.sql, () => query(statement));
  queryable.executeRaw = (statement) => around(statement.sql, () => execute(statement));
  return queryable;
}
