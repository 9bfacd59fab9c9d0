-- CreateIndex
CREATE INDEX "user_roles_idx" ON "user" USING GIN ("roles");
