/* global pm */

export const todos = {
  name: 'Todos',
  about: 'The example of data that each user has alone.',
  steps: [
    {
      operation: 'createTodo',
      name: 'Write one down',
      body: { title: 'Read the route table' },
      after() {
        const todo = pm.response.json();
        pm.environment.set('todo_id', todo.id);

        pm.test('is yet to be done', () => {
          pm.expect(todo).to.include({ title: 'Read the route table', completed: false });
        });

        pm.test('tells where it is', () => {
          pm.expect(pm.response.headers.get('Location')).to.equal(`/todos/${todo.id}`);
        });
      },
    },
    {
      operation: 'listTodos',
      name: 'List them',
      about: 'A page has at most `limit`. Where there is more, `next_cursor` is the next page’s `cursor`.',
      query: { limit: '10' },
      after() {
        pm.test('has just the one', () => {
          const { data, next_cursor } = pm.response.json();
          pm.expect(data.map(({ id }) => id)).to.eql([pm.environment.get('todo_id')]);
          pm.expect(next_cursor).to.equal(null);
        });
      },
    },
    {
      operation: 'getTodo',
      name: 'Read it',
      id: '{{todo_id}}',
      after() {
        pm.test('is the one', () => {
          pm.expect(pm.response.json().id).to.equal(pm.environment.get('todo_id'));
        });
      },
    },
    {
      operation: 'updateTodo',
      name: 'Tick it off',
      id: '{{todo_id}}',
      body: { completed: true },
      after() {
        pm.test('is done', () => {
          pm.expect(pm.response.json()).to.include({ title: 'Read the route table', completed: true });
        });
      },
    },
    { operation: 'deleteTodo', name: 'Delete it', id: '{{todo_id}}' },
    {
      operation: 'getTodo',
      name: 'It is gone',
      about: 'A todo of another user gives the same answer.',
      id: '{{todo_id}}',
      refused: 'not_found',
    },
  ],
};
