import type { SignedUp, TestApp } from './app.js';

/** Where no delivery arrives: nothing is sent to addresses for documentation (RFC 5737) unless they are allowed. */
export const nowhere = 'https://hooks.example.com/gatelatch';

type Created = { id: string; url: string; events: string[]; secret: string };

/** Makes a webhook by the API. */
export async function createWebhook(
  { http }: Pick<TestApp, 'http'>,
  admin: SignedUp,
  fields: { url?: string; events?: string[]; description?: string } = {},
): Promise<Created> {
  const body = { url: nowhere, events: ['*'], ...fields };
  return (await http.post('/admin/webhooks').set(admin.bearer).send(body).expect(201)).body;
}

/** The types of the events that are queued for a webhook, the oldest first. */
export async function queuedFor({ deps }: Pick<TestApp, 'deps'>, id: string): Promise<string[]> {
  const rows = await deps.db.webhookDelivery.findMany({ where: { webhookId: id }, orderBy: { eventId: 'asc' } });
  const events = await deps.db.auditEvent.findMany({ where: { id: { in: rows.map(({ eventId }) => eventId) } } });
  return rows.map(({ eventId }) => events.find((event) => event.id === eventId)?.action ?? 'purged');
}

/** Deletes all webhooks but that of the handlers in code. */
export async function deleteWebhooks({ deps }: Pick<TestApp, 'deps'>): Promise<void> {
  await deps.db.webhook.deleteMany({ where: { url: { not: null } } });
  await deps.db.webhookDelivery.deleteMany();
}

/** Lets no new delivery be due, so that the worker neither tries it nor reads its user. @returns what ends that */
export async function holdDeliveries({
  deps: { db, webhookWake },
}: Pick<TestApp, 'deps'>): Promise<() => Promise<void>> {
  await db.$executeRaw`ALTER TABLE webhook_delivery ALTER due_at SET DEFAULT clock_timestamp() + interval '1 hour'`;
  return async () => {
    await db.$executeRaw`ALTER TABLE webhook_delivery ALTER due_at SET DEFAULT clock_timestamp()`;
    webhookWake.wake();
  };
}
