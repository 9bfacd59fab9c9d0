import { button, byId, make, onPress, onSubmit } from './dom.js';
import type { PlaygroundSession } from './session.js';

type Todo = { id: string; title: string; completed: boolean };

/** The todos of the user. */
export function createTodos(playground: PlaygroundSession): void {
  const list = byId('todo-list', HTMLUListElement);
  const empty = byId('no-todos', HTMLElement);
  const more = byId('more-todos', HTMLButtonElement);
  const title = byId('todo-title', HTMLInputElement);
  let cursor: string | null = null;

  onSubmit(byId('todo-form', HTMLFormElement), add);
  onPress(more, () => load());

  playground.follow(({ session, before }) => {
    if (session?.user.id === before?.user.id) return;
    list.replaceChildren();
    cursor = null;
    if (session) void load();
  });

  async function load(): Promise<void> {
    const page = await playground.ask(`GET /todos?limit=20${cursor ? `&cursor=${cursor}` : ''}`);
    if (!page?.ok) return;
    cursor = page.body.next_cursor;
    list.append(...page.body.data.map(itemOf));
    showEmptiness();
  }

  function showEmptiness(): void {
    empty.hidden = list.childElementCount > 0;
    more.hidden = cursor === null;
  }

  async function add(): Promise<void> {
    const made = await playground.ask('POST /todos', { title: title.value });
    if (!made?.ok) return;
    list.append(itemOf(made.body));
    title.value = '';
    showEmptiness();
  }

  function itemOf(todo: Todo): HTMLLIElement {
    const item = make('li');
    const show = () => item.replaceChildren(...partsOf(todo, item, show));
    show();
    return item;
  }

  function partsOf(todo: Todo, item: HTMLLIElement, show: () => void): HTMLElement[] {
    const tick = make('input', { type: 'checkbox', checked: todo.completed, change: () => void set() });
    async function set(): Promise<void> {
      const changed = await playground.ask(`PATCH /todos/${todo.id}`, { completed: tick.checked });
      if (changed?.ok) todo.completed = changed.body.completed;
      else tick.checked = todo.completed;
    }
    return [
      make('label', { class: 'tick' }, tick, make('span', {}, todo.title)),
      button('Rename', async () => rename(todo, item, show), { class: 'plain', 'aria-label': `Rename ${todo.title}` }),
      button('Delete', () => remove(todo, item), { class: 'plain', 'aria-label': `Delete ${todo.title}` }),
    ];
  }

  function rename(todo: Todo, item: HTMLLIElement, show: () => void): void {
    const input = make('input', { value: todo.title, required: true, 'aria-label': `New title of ${todo.title}` });
    const form = make('form', { class: 'rename' }, input, make('button', { type: 'submit' }, 'Save'));
    const leave = () => {
      show();
      item.querySelector('button')?.focus();
    };
    form.append(button('Cancel', async () => leave(), { class: 'plain' }));
    form.addEventListener('keydown', ({ key }) => key === 'Escape' && leave());
    onSubmit(form, async () => {
      const changed = await playground.ask(`PATCH /todos/${todo.id}`, { title: input.value });
      if (!changed?.ok) return input.focus();
      todo.title = changed.body.title;
      leave();
    });
    item.replaceChildren(form);
    input.select();
  }

  async function remove(todo: Todo, item: HTMLLIElement): Promise<void> {
    const gone = await playground.ask(`DELETE /todos/${todo.id}`);
    if (!gone?.ok && gone?.status !== 404) return;
    item.remove();
    showEmptiness();
    title.focus();
  }
}
