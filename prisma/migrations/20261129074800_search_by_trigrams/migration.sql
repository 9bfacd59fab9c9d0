-- The search of GET /admin/users?q= looks for a text anywhere in usernames and e-mails: with trigrams an index finds it,
-- without them every row is read. pg_trgm is in Postgres' contrib, and any role that may CREATE in the database may add
-- it (since Postgres 13). Where it cannot be added, as in an embedded database, the search is slower, nothing else.
-- Among many users the indexes take minutes, in which nobody could sign up: docs/administration.md says how an operator
-- builds them without a lock.
DO $$
DECLARE
  place text;
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  IF (SELECT count(*) FROM (SELECT FROM "user" LIMIT 20001) AS counted) > 20000 THEN
    RETURN;
  END IF;
  SELECT n.nspname INTO place FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
  EXECUTE format('CREATE INDEX IF NOT EXISTS user_username_key_trgm_idx ON "user" USING gin (username_key %I.gin_trgm_ops)', place);
  EXECUTE format('CREATE INDEX IF NOT EXISTS user_email_key_trgm_idx ON "user" USING gin (email_key %I.gin_trgm_ops)', place);
EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file OR undefined_object THEN
  RAISE NOTICE 'no index for the search of users: %', SQLERRM;
END
$$;
