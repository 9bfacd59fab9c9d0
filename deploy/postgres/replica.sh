#!/bin/sh
# Makes a streaming replica where there is none yet, and starts it. PGHOST, PGUSER and PGPASSWORD lead to the primary.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # What an interrupted copy has left.
  find "$PGDATA" -mindepth 1 -delete
  pg_basebackup --pgdata="$PGDATA" --write-recovery-conf --slot=replica --wal-method=stream --checkpoint=fast
fi
chmod 0700 "$PGDATA"
exec postgres "$@"
