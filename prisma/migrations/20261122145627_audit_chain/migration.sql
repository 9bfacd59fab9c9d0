-- DropIndex
DROP INDEX "audit_event_user_id_id_idx";

-- AlterTable
ALTER TABLE "audit_event" ADD COLUMN     "mac" BYTEA,
ADD COLUMN     "origin_hash" BYTEA,
ADD COLUMN     "position" BIGINT,
ADD COLUMN     "salt" BYTEA;

-- CreateTable
CREATE TABLE "audit_chain" (
    "id" INTEGER NOT NULL,
    "anchor_position" BIGINT NOT NULL,
    "anchor_mac" BYTEA NOT NULL,
    "head_position" BIGINT NOT NULL,
    "head_mac" BYTEA NOT NULL,
    "erased_before" TIMESTAMPTZ(6),
    "proof" BYTEA NOT NULL,

    CONSTRAINT "audit_chain_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "audit_event_position_key" ON "audit_event"("position");

-- CreateIndex
CREATE INDEX "audit_event_at_id_idx" ON "audit_event"("at", "id");

-- CreateIndex
CREATE INDEX "audit_event_user_id_at_id_idx" ON "audit_event"("user_id", "at", "id");

-- CreateIndex
CREATE INDEX "audit_event_action_at_id_idx" ON "audit_event"("action", "at", "id");
