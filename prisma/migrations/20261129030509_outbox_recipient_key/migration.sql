-- AlterTable
ALTER TABLE "outbox" ADD COLUMN     "recipient_key" TEXT;

-- CreateIndex
CREATE INDEX "outbox_recipient_key_purpose_idx" ON "outbox"("recipient_key", "purpose");
