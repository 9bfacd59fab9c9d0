import { todosData } from './todos/personal-data.js';

/** What your own tables hold about a user, by its name in `GET /me/export`. A table with a `user_id` belongs here. */
export const ownPersonalData = {
  todos: todosData,
};
