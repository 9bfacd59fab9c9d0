/**
 * The element with this id.
 * @throws where the page has none of that kind: the page and its scripts are not of one release
 */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page has no ${kind.name} #${id}.`);
  return found;
}

type Attributes = Record<string, string | boolean | ((event: Event) => unknown)>;

/**
 * A new element. Content is text or nodes, never markup, so that nothing that somebody typed becomes any.
 * @param attributes by name; true is there, false is not, and a function listens to the event of that name
 */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...content: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.toggleAttribute(name, value !== false);
    if (typeof value === 'string') element.setAttribute(name, value);
  }
  element.append(...content);
  return element;
}

/** A button that rests while what it started is under way. */
export function button(label: string, work: () => Promise<unknown>, attributes: Attributes = {}): HTMLButtonElement {
  const made = make('button', { type: 'button', ...attributes }, label);
  onPress(made, work);
  return made;
}

/** Has a button of the page do this, and rest meanwhile. */
export function onPress(pressed: HTMLButtonElement, work: () => Promise<unknown>): void {
  pressed.addEventListener('click', () => void resting(pressed, work));
}

/** Has a form do this instead of being sent, its button resting meanwhile. */
export function onSubmit(form: HTMLFormElement, work: () => Promise<unknown>): void {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const pressed = form.querySelector<HTMLButtonElement>('button[type=submit]');
    if (pressed) void resting(pressed, work);
  });
}

// Not `disabled`, which would take the focus away from whoever has just pressed it.
async function resting(pressed: HTMLButtonElement, work: () => Promise<unknown>): Promise<void> {
  if (pressed.ariaBusy === 'true') return;
  pressed.ariaBusy = 'true';
  try {
    await work();
  } finally {
    pressed.ariaBusy = null;
  }
}
