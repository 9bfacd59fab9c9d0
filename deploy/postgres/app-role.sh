#!/bin/sh
# The Postgres image runs this once, when it creates the database: the app's role owns its database and is no superuser.
# On a volume from before, where the app's role is the superuser, run it once by hand (UPGRADING.md).
set -eu
ask() { psql --no-psqlrc --tuples-only --no-align --username "$1" --dbname gatelatch --command "$2"; }

# The first superuser cannot give that up, and no role can rename itself.
if [ "$(ask gatelatch "SELECT rolsuper FROM pg_roles WHERE rolname = 'gatelatch'" 2>/dev/null)" = t ]; then
  ask gatelatch 'CREATE ROLE renaming SUPERUSER LOGIN' >&2
  ask renaming 'ALTER ROLE gatelatch RENAME TO postgres' >&2
  ask postgres 'DROP ROLE renaming' >&2
fi

# One transaction. The superuser has no password afterwards, so that it is reached only from inside the container.
psql --quiet --no-psqlrc --single-transaction --set=ON_ERROR_STOP=1 --set=password="$POSTGRES_PASSWORD" \
  --username postgres --dbname gatelatch <<'SQL'
CREATE ROLE gatelatch LOGIN PASSWORD :'password';
ALTER DATABASE gatelatch OWNER TO gatelatch;
SELECT format('ALTER TABLE %I.%I OWNER TO gatelatch', schemaname, tablename)
FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') \gexec
ALTER ROLE postgres PASSWORD NULL;
SQL
