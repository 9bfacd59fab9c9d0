import { z } from 'zod';
import type { CommandDeps } from '../deps.js';
import { checked } from '../platform/cli/checked.js';
import { type Args, argument, type Command, CommandError, type Result, UsageError } from '../platform/cli/command.js';
import { fields, table, time } from '../platform/cli/text.js';
import { changeWebhook } from './change.js';
import { createWebhook } from './create.js';
import { retryDelivery } from './deliveries.js';
import { eventsSchema, replayTime, webhookFields } from './fields.js';
import { webhookJson } from './json.js';
import { replayEvents } from './replay.js';
import { rotateSecret } from './rotate-secret.js';
import { findWebhook, listWebhooks, ownWebhookId, type ShownWebhook } from './webhooks.js';

const event = { type: 'string', value: '<event>', multiple: true } as const;

export const webhookCommands: Command<CommandDeps>[] = [
  { name: 'webhooks list', arguments: [], summary: 'the webhooks, and how many deliveries wait or failed', run: list },
  {
    name: 'webhooks create',
    arguments: ['<url>'],
    options: {
      event: { ...event, summary: 'such as user.created, or * for all; repeat it for several' },
      description: { type: 'string', value: '<text>', summary: 'what it is for' },
    },
    summary: 'make a webhook and print its secret once',
    run: create,
  },
  {
    name: 'webhooks disable',
    arguments: ['<id>'],
    summary: 'send nothing to a webhook, and queue nothing new',
    run: (deps, args) => enable(deps, args, false),
  },
  {
    name: 'webhooks enable',
    arguments: ['<id>'],
    summary: 'go on with what waited',
    run: (deps, args) => enable(deps, args, true),
  },
  {
    name: 'webhooks retry',
    arguments: ['<id|own>', '<event-id>'],
    summary: 'send an event again',
    run: retry,
  },
  {
    name: 'webhooks replay',
    arguments: ['<id|own>'],
    options: {
      since: { type: 'string', value: '<time>', summary: 'such as 2026-11-22T14:00:00Z' },
      until: { type: 'string', value: '<time>', summary: 'by default now' },
      event: { ...event, summary: 'only these; repeat it for several' },
    },
    summary: 'send the events of a time again, out of the audit',
    run: replay,
  },
  {
    name: 'webhooks rotate-secret',
    arguments: ['<id>'],
    summary: 'make another secret and print it once; the old one signs along for a day',
    run: rotate,
  },
];

// More than there may be.
const all = 100;

async function list({ db }: CommandDeps): Promise<Result> {
  const { items } = await listWebhooks(db, all, undefined);
  const rows = items.map((one) => [
    one.id,
    one.url ?? 'own/events.ts',
    one.events.join(' '),
    one.disabledAt ? `disabled (${one.disabledReason})` : 'enabled',
    String(one.waiting),
    String(one.failed),
    time(one.lastAttemptAt),
    one.description,
  ]);
  const headings = ['ID', 'URL', 'EVENTS', 'STATE', 'WAITING', 'FAILED', 'LAST ATTEMPT', 'DESCRIPTION'];
  return { json: { data: items.map(webhookJson) }, text: table(headings, rows, 'There are no webhooks.') };
}

async function create(deps: CommandDeps, args: Args): Promise<Result> {
  const url = checked(webhookFields.url.safeParse(argument(args, 0)), 'The URL');
  const events = checked(eventsSchema.safeParse(args.list('event')), '--event');
  const description = checked(webhookFields.description.safeParse(args.text('description') ?? ''), '--description');
  const { secret, ...made } = await createWebhook(deps, { url, events, description }, {});
  return { json: { ...webhookJson(made), secret }, text: `${shown(made)}\n\nThe secret, shown this once: ${secret}` };
}

async function enable(deps: CommandDeps, args: Args, enabled: boolean): Promise<Result> {
  const changed = await changeWebhook(deps, checkedId(argument(args, 0)), { enabled }, {});
  return { json: webhookJson(changed), text: shown(changed) };
}

function shown({ id, url, events, disabledAt, waiting }: ShownWebhook): string {
  const state = disabledAt ? 'disabled' : 'enabled';
  return fields({ id, url, events: events.join(' '), state, waiting: String(waiting) });
}

async function retry({ db }: CommandDeps, args: Args): Promise<Result> {
  const [id, eventId] = [idOrOwn(args), checkedId(argument(args, 1))];
  await requireWebhook(db, id);
  if (!(await retryDelivery(db, id, eventId, {})))
    throw new CommandError(`The webhook ${argument(args, 0)} has no delivery of the event ${eventId}.`);
  return { json: { id, event_id: eventId }, text: 'It waits to be sent again.' };
}

const timeSchema = replayTime('Write it as 2026-11-22T14:00:00Z.').transform((text) => new Date(text));

async function replay({ db }: CommandDeps, args: Args): Promise<Result> {
  const id = idOrOwn(args);
  const since = checked(timeSchema.safeParse(args.text('since') ?? ''), '--since');
  const until = checked(timeSchema.optional().safeParse(args.text('until')), '--until');
  const typed = args.list('event');
  const events = typed.length === 0 ? undefined : checked(eventsSchema.safeParse(typed), '--event');
  await requireWebhook(db, id);
  const count = await replayEvents(db, id, { since, until, events }, {});
  return { json: { id, count }, text: `${count} ${count === 1 ? 'event waits' : 'events wait'} to be sent again.` };
}

async function rotate(deps: CommandDeps, args: Args): Promise<Result> {
  const id = checkedId(argument(args, 0));
  const { secret, previousUntil } = await rotateSecret(deps, id, {});
  return {
    json: { id, secret, previous_until: previousUntil.toISOString() },
    text: `The new secret, shown this once: ${secret}\nThe one before signs along until ${time(previousUntil)}.`,
  };
}

async function requireWebhook(db: CommandDeps['db'], id: string): Promise<void> {
  if (await findWebhook(db, id)) return;
  throw new CommandError(
    id === ownWebhookId ? 'There are no handlers in src/own/events.ts.' : `There is no webhook ${id}.`,
  );
}

function idOrOwn(args: Args): string {
  return argument(args, 0) === 'own' ? ownWebhookId : checkedId(argument(args, 0));
}

function checkedId(typed: string): string {
  // As the database writes it: a secret is sealed under its webhook's id.
  if (z.guid().safeParse(typed).success) return typed.toLowerCase();
  throw new UsageError(
    typed.startsWith('evt_')
      ? 'Leave out evt_: the rest is the id of the event.'
      : 'Webhooks and events are named by their ids, which "webhooks list" and the audit show.',
  );
}
