-- AlterTable
ALTER TABLE "revocation" ADD COLUMN     "session_ids" UUID[] DEFAULT ARRAY[]::UUID[];
