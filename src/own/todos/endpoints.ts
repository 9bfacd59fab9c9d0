import { z } from 'zod';
import { endpoint } from '../../endpoint.js';
import { AppError } from '../../errors.js';
import { textSchema } from '../../platform/http/fields.js';
import { pageJson, pageQuerySchema, pageSchema } from '../../platform/http/paging.js';
import { todoJson, todoSchema } from './json.js';
import * as todos from './todos.js';

const title = textSchema(1, 500).meta({ example: 'Read the route table' });

const createSchema = z
  .strictObject({ title, completed: z.boolean().default(false) })
  .meta({ id: 'CreateTodoBody', example: { title: 'Read the route table' } });

const updateSchema = z
  .strictObject({ title: title.optional(), completed: z.boolean().optional() })
  .meta({ id: 'UpdateTodoBody', example: { completed: true } });

export const list = endpoint({
  name: 'listTodos',
  summary: 'List your todos',
  statements: 1,
  query: pageQuerySchema,
  reply: [200, pageSchema(todoSchema)],
  returns: 'A page of your todos, oldest first, and where the next one begins.',
  async handler({ deps, principal, query }) {
    return { body: pageJson(await todos.list(deps.db, principal.sub, query.limit, query.cursor), todoJson) };
  },
});

export const create = endpoint({
  name: 'createTodo',
  summary: 'Create a todo',
  statements: 1,
  body: createSchema,
  reply: [201, todoSchema],
  returns: 'The new todo.',
  headers: ['Location'],
  errors: ['quota_exceeded'],
  async handler({ deps: { db, config }, principal, body }) {
    const todo = await todos.create(db, principal.sub, body, config.own.TODOS_PER_USER);
    return { body: todoJson(todo), headers: { Location: `${config.publicPath}/todos/${todo.id}` } };
  },
});

export const read = endpoint({
  name: 'getTodo',
  summary: 'Read a todo',
  statements: 1,
  reply: [200, todoSchema],
  returns: 'The todo.',
  errors: ['not_found'],
  async handler({ deps, principal, id }) {
    return { body: todoJson(existing(await todos.find(deps.db, principal.sub, id))) };
  },
});

export const update = endpoint({
  name: 'updateTodo',
  summary: 'Change a todo',
  statements: 1,
  body: updateSchema,
  reply: [200, todoSchema],
  returns: 'The todo as it is now.',
  errors: ['not_found'],
  async handler({ deps, principal, id, body }) {
    return { body: todoJson(existing(await todos.update(deps.db, principal.sub, id, body))) };
  },
});

export const remove = endpoint({
  name: 'deleteTodo',
  summary: 'Delete a todo',
  statements: 1,
  reply: [204],
  returns: 'The todo is gone.',
  errors: ['not_found'],
  async handler({ deps, principal, id }) {
    if (!(await todos.remove(deps.db, principal.sub, id))) throw new AppError('not_found');
    return {};
  },
});

function existing<Found>(todo: Found | null | undefined): Found {
  if (!todo) throw new AppError('not_found');
  return todo;
}
