-- CreateTable
CREATE TABLE "webhook" (
    "id" UUID NOT NULL,
    "url" TEXT,
    "events" TEXT[],
    "description" TEXT NOT NULL DEFAULT '',
    "sealed_secret" BYTEA,
    "sealed_previous" BYTEA,
    "previous_until" TIMESTAMPTZ(6),
    "disabled_at" TIMESTAMPTZ(6),
    "disabled_reason" TEXT,
    "failing_since" TIMESTAMPTZ(6),
    "last_attempt_at" TIMESTAMPTZ(6),
    "last_status" INTEGER,
    "last_duration_ms" INTEGER,
    "created_by" UUID,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "webhook_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_delivery" (
    "webhook_id" UUID NOT NULL,
    "event_id" UUID NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "delivered_at" TIMESTAMPTZ(6),
    "failed_at" TIMESTAMPTZ(6),
    "last_attempt_at" TIMESTAMPTZ(6),
    "last_status" INTEGER,
    "last_error" TEXT,
    "duration_ms" INTEGER,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "webhook_delivery_pkey" PRIMARY KEY ("webhook_id","event_id")
);

-- CreateIndex
CREATE INDEX "webhook_delivery_delivered_at_failed_at_due_at_idx" ON "webhook_delivery"("delivered_at", "failed_at", "due_at");

-- CreateIndex
CREATE INDEX "webhook_delivery_webhook_id_delivered_at_failed_at_due_at_idx" ON "webhook_delivery"("webhook_id", "delivered_at", "failed_at", "due_at");

-- Which audit events are sent, the list of src/webhooks/events.ts. Imported users are not, unless --events was given.
CREATE FUNCTION webhook_sends(action text, detail jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT action IN (
    'user.created', 'user.deleted', 'user.disabled', 'user.enabled', 'username.changed', 'email.changed', 'email.verified',
    'roles.changed', 'password.changed', 'password.reset', 'login.succeeded', 'session.ended', 'refresh.reused',
    'api_key.created', 'api_key.revoked', 'invitation.created', 'invitation.accepted', 'webhook.ping'
  ) AND (NOT detail ? 'imported' OR detail ? 'sent')
$$;

-- Whether an endpoint wants such an event. A ping is for one endpoint, whatever that wants.
CREATE FUNCTION webhook_wants(webhook_id uuid, events text[], action text, detail jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN action = 'webhook.ping' THEN detail->>'webhook_id' = webhook_id::text
    ELSE action = ANY (events) OR events = '{*}' END
$$;

-- A trigger, and not a part of each statement that records: what is recorded is sent, by old instances too, and an INSERT
-- in a WITH may not stand inside another one.
CREATE FUNCTION audit_event_fan_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO webhook_delivery (webhook_id, event_id)
    SELECT w.id, NEW.id FROM webhook w
    WHERE w.disabled_at IS NULL AND webhook_wants(w.id, w.events, NEW.action, NEW.detail)
    ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;

CREATE TRIGGER audit_event_fan_out AFTER INSERT ON audit_event FOR EACH ROW
  WHEN (webhook_sends(NEW.action, NEW.detail)) EXECUTE FUNCTION audit_event_fan_out();
