import { inPages, personalData } from '../../platform/personal-data.js';
import { todoJson, todoSchema } from './json.js';

export const todosData = personalData({
  table: 'todo',
  schema: todoSchema,
  read: (db, { id: userId }) =>
    inPages(
      ({ after, take }) => db.todo.findMany({ where: { userId, id: { gt: after } }, orderBy: { id: 'asc' }, take }),
      todoJson,
    ),
});
