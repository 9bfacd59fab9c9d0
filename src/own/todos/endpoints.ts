import { z } from 'zod';
import type { Context, Reply } from '../../endpoint.js';
import { AppError } from '../../errors.js';
import { type pageQuerySchema, textSchema } from '../../platform/http/fields.js';
import { todoOnTheWire } from '../../sessions/json.js';
import * as todos from './todos.js';

const title = textSchema(1, 500);

export const createSchema = z
  .strictObject({ title, completed: z.boolean().default(false) })
  .meta({ id: 'CreateTodoBody', example: { title: 'Read the route table' } });

export const updateSchema = z
  .strictObject({ title: title.optional(), completed: z.boolean().optional() })
  .meta({ id: 'UpdateTodoBody', example: { completed: true } });

type SignedIn<Body = undefined, Query = undefined> = Context<'access-token', Body, Query>;

export async function list({
  deps,
  principal,
  query,
}: SignedIn<undefined, z.output<typeof pageQuerySchema>>): Promise<Reply> {
  const page = await todos.list(deps.db, principal.sub, query.limit, query.cursor);
  return { status: 200, body: { data: page.items.map(todoOnTheWire), next_cursor: page.nextCursor } };
}

export async function create({ deps, principal, body }: SignedIn<z.output<typeof createSchema>>): Promise<Reply> {
  const todo = await todos.create(deps.db, principal.sub, body);
  return { status: 201, body: todoOnTheWire(todo), headers: { Location: `/todos/${todo.id}` } };
}

export async function read({ deps, principal, id }: SignedIn): Promise<Reply> {
  return { status: 200, body: todoOnTheWire(existing(await todos.find(deps.db, principal.sub, id))) };
}

export async function update({ deps, principal, id, body }: SignedIn<z.output<typeof updateSchema>>): Promise<Reply> {
  return { status: 200, body: todoOnTheWire(existing(await todos.update(deps.db, principal.sub, id, body))) };
}

export async function remove({ deps, principal, id }: SignedIn): Promise<Reply> {
  if (!(await todos.remove(deps.db, principal.sub, id))) throw new AppError('not_found');
  return { status: 204 };
}

function existing<Found>(todo: Found | null | undefined): Found {
  if (!todo) throw new AppError('not_found');
  return todo;
}
