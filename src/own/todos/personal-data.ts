import { maxExported, personalData } from '../../platform/personal-data.js';
import { todoJson, todoSchema } from './json.js';

export const todosData = personalData({
  table: 'todo',
  schema: todoSchema,
  async read(db, { id: userId }) {
    return (await db.todo.findMany({ where: { userId }, orderBy: { id: 'asc' }, take: maxExported })).map(todoJson);
  },
});
