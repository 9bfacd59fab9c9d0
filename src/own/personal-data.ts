import { todosData } from './todos/personal-data.js';

/** What your own tables hold about a user, by its name in `GET /me/export`. List every table with a `user_id` here. */
export const ownPersonalData = {
  todos: todosData,
};
