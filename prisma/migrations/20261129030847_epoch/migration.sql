-- DropIndex
DROP INDEX "revocation_user_id_idx";

-- DropIndex
DROP INDEX "session_user_id_idx";

-- AlterTable
ALTER TABLE "revocation" ADD COLUMN     "epoch" INTEGER,
ADD COLUMN     "kept_id" UUID;

-- AlterTable
ALTER TABLE "session" ADD COLUMN     "epoch" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "user" ADD COLUMN     "deleted_at" TIMESTAMPTZ(6),
ADD COLUMN     "epoch" INTEGER NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "unfinished_ending" (
    "user_id" UUID NOT NULL,
    "epoch" INTEGER NOT NULL,
    "reason" TEXT NOT NULL,
    "ended_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "unfinished_ending_pkey" PRIMARY KEY ("user_id")
);

-- CreateIndex
CREATE INDEX "revocation_user_id_epoch_idx" ON "revocation"("user_id", "epoch");

-- CreateIndex
CREATE INDEX "session_user_id_ended_at_epoch_id_idx" ON "session"("user_id", "ended_at", "epoch", "id");

-- CreateIndex
CREATE INDEX "user_deleted_at_idx" ON "user"("deleted_at");
