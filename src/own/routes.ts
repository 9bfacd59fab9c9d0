import { DELETE, GET, group, PATCH, POST, type Row } from '../endpoint.js';
import { accessToken } from '../guards.js';
import * as todos from './todos/endpoints.js';

/** Your own rows. The todos are an example: delete them, or copy their folder. */
export const ownRoutes: Row[] = [
  ...group('Todos', [
    GET('/todos', { guard: accessToken, permission: 'todos:read' }, todos.list),
    POST('/todos', { guard: accessToken, permission: 'todos:write' }, todos.create),
    GET('/todos/{id}', { guard: accessToken, permission: 'todos:read' }, todos.read),
    PATCH('/todos/{id}', { guard: accessToken, permission: 'todos:write' }, todos.update),
    DELETE('/todos/{id}', { guard: accessToken, permission: 'todos:write' }, todos.remove),
  ]),
];
