import { DELETE, GET, group, PATCH, POST, type Row } from '../endpoint.js';
import { accessToken } from '../guards.js';
import * as todos from './todos/endpoints.js';

const reads = { guard: accessToken, permission: 'todos:read' } as const;
const writes = { guard: accessToken, permission: 'todos:write' } as const;

/** Your own rows. The todos are an example: delete them, or copy their folder. */
export const ownRoutes: Row[] = [
  ...group('Todos', [
    GET('/todos', reads, todos.list),
    POST('/todos', writes, todos.create),
    GET('/todos/{id}', reads, todos.read),
    PATCH('/todos/{id}', writes, todos.update),
    DELETE('/todos/{id}', writes, todos.remove),
  ]),
];
