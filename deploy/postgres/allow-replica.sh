#!/bin/sh
# The Postgres image runs this once, when it creates the primary: a role that may only copy.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$REPLICATION_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE replica REPLICATION LOGIN PASSWORD :'password';
SELECT pg_create_physical_replication_slot('replica');
SQL
# "all" stands for every database, but not for replication.
echo 'host replication replica all scram-sha-256' >>"$PGDATA/pg_hba.conf"
