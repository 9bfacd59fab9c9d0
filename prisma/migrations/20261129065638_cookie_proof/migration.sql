-- AlterTable
ALTER TABLE "session" ADD COLUMN     "needs_access_cookie" BOOLEAN NOT NULL DEFAULT false;
