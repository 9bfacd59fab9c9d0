-- AlterTable
ALTER TABLE "login_attempt" ADD COLUMN     "external" JSONB;

-- AlterTable
ALTER TABLE "session" ADD COLUMN     "identity_id" UUID;

-- CreateTable
CREATE TABLE "identity" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "provider" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "email" TEXT,
    "name" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "last_used_at" TIMESTAMPTZ(6),

    CONSTRAINT "identity_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "external_flow" (
    "id" UUID NOT NULL,
    "provider" TEXT NOT NULL,
    "state_hash" BYTEA,
    "code_hash" BYTEA,
    "link_hash" BYTEA,
    "sealed" BYTEA NOT NULL,
    "redirect_uri" TEXT NOT NULL,
    "code_challenge" TEXT NOT NULL,
    "epoch" INTEGER,
    "used_at" TIMESTAMPTZ(6),
    "session_id" UUID,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "external_flow_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "identity_user_id_idx" ON "identity"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "identity_issuer_subject_key" ON "identity"("issuer", "subject");

-- CreateIndex
CREATE UNIQUE INDEX "external_flow_state_hash_key" ON "external_flow"("state_hash");

-- CreateIndex
CREATE UNIQUE INDEX "external_flow_code_hash_key" ON "external_flow"("code_hash");

-- CreateIndex
CREATE UNIQUE INDEX "external_flow_link_hash_key" ON "external_flow"("link_hash");

-- CreateIndex
CREATE INDEX "external_flow_expires_at_idx" ON "external_flow"("expires_at");

-- AddForeignKey
ALTER TABLE "identity" ADD CONSTRAINT "identity_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;
