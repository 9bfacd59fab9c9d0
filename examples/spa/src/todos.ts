import { client } from './client.js';
import { copyOf, find, telling } from './page.js';

type Todo = { id: string; title: string; completed: boolean };

/** The todos of the user. */
export function todosView(username: string): DocumentFragment {
  const view = copyOf('todos');
  const list = find(view, 'ul');
  const alert = find(view, '[role=alert]');
  const form = find<HTMLFormElement>(view, 'form');
  const attempt = (work: () => Promise<unknown>) => void telling(alert, work);

  function entry(todo: Todo): DocumentFragment {
    const item = copyOf('todo');
    const line = find(item, 'li');
    const box = find<HTMLInputElement>(item, 'input');
    find(item, 'span').textContent = todo.title;
    box.checked = todo.completed;
    box.addEventListener('change', () => attempt(() => call('PATCH', `/todos/${todo.id}`, { completed: box.checked })));
    find(item, 'button').addEventListener('click', () =>
      attempt(async () => {
        await call('DELETE', `/todos/${todo.id}`);
        line.remove();
      }),
    );
    return item;
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(async () => {
      const added = await call('POST', '/todos', { title: new FormData(form).get('title') });
      list.append(entry(added));
      form.reset();
    });
  });
  find(view, '#name').textContent = username;
  find(view, '#log-out').addEventListener('click', () => attempt(() => client.logOut()));
  attempt(async () => list.append(...(await call('GET', '/todos?limit=100')).data.map(entry)));
  return view;
}

async function call(method: string, path: string, body?: object) {
  const answer = await client.fetch(path, {
    method,
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const content = answer.status === 204 ? undefined : await answer.json();
  if (!answer.ok) throw new Error(content.detail);
  return content;
}
