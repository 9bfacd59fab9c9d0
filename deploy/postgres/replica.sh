#!/bin/sh
# Creates a streaming replica if there is none, and starts it. PGHOST, PGUSER and PGPASSWORD name the primary.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # The rest of an interrupted copy.
  find "$PGDATA" -mindepth 1 -delete
  pg_basebackup --pgdata="$PGDATA" --write-recovery-conf --slot=replica --wal-method=stream --checkpoint=fast
fi
chmod 0700 "$PGDATA"
exec postgres "$@"
