-- AlterTable
ALTER TABLE "user" ADD COLUMN     "pending_email" TEXT,
ADD COLUMN     "pending_email_key" TEXT,
ADD COLUMN     "pending_until" TIMESTAMPTZ(6);

-- CreateTable
CREATE TABLE "one_time_token" (
    "user_id" UUID NOT NULL,
    "purpose" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "email_key" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "one_time_token_pkey" PRIMARY KEY ("user_id","purpose")
);

-- CreateTable
CREATE TABLE "outbox" (
    "id" UUID NOT NULL,
    "purpose" TEXT NOT NULL,
    "user_id" UUID,
    "recipient" TEXT NOT NULL,
    "detail" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "sent_at" TIMESTAMPTZ(6),
    "failed_at" TIMESTAMPTZ(6),
    "last_error" TEXT,

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "one_time_token_hash_key" ON "one_time_token"("hash");

-- CreateIndex
CREATE INDEX "outbox_sent_at_failed_at_due_at_idx" ON "outbox"("sent_at", "failed_at", "due_at");

-- CreateIndex
CREATE INDEX "outbox_recipient_purpose_idx" ON "outbox"("recipient", "purpose");

-- CreateIndex
CREATE INDEX "outbox_user_id_created_at_idx" ON "outbox"("user_id", "created_at");

-- CreateIndex
CREATE INDEX "user_pending_email_key_idx" ON "user"("pending_email_key");

-- CreateIndex
CREATE INDEX "user_pending_until_idx" ON "user"("pending_until");

-- AddForeignKey
ALTER TABLE "one_time_token" ADD CONSTRAINT "one_time_token_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;
