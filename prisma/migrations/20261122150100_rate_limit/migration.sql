-- CreateTable
-- Unlogged: counts come with every login and need no flush to disk. They survive restarts of the instances and of
-- Postgres; after a crash of Postgres, or on a promoted standby, the windows begin anew.
CREATE UNLOGGED TABLE "rate_limit" (
    "key" VARCHAR(255) NOT NULL,
    "points" INTEGER NOT NULL DEFAULT 0,
    "expire" BIGINT,

    CONSTRAINT "rate_limit_pkey" PRIMARY KEY ("key")
);

-- CreateIndex
CREATE INDEX "rate_limit_expire_idx" ON "rate_limit"("expire");
