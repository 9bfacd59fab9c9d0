-- DropIndex
DROP INDEX "signing_key_purpose_active_at_idx";

-- AlterTable
ALTER TABLE "revocation" ADD COLUMN     "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp();

-- AlterTable
ALTER TABLE "signing_key" ALTER COLUMN "created_at" SET DEFAULT clock_timestamp(),
ALTER COLUMN "active_at" DROP NOT NULL;

-- CreateTable
CREATE TABLE "audit_event" (
    "id" UUID NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "action" TEXT NOT NULL,
    "user_id" UUID,
    "actor_id" UUID,
    "ip" TEXT,
    "user_agent" TEXT,
    "detail" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "audit_event_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "audit_event_user_id_id_idx" ON "audit_event"("user_id", "id");

-- CreateIndex
CREATE INDEX "revocation_created_at_idx" ON "revocation"("created_at");
