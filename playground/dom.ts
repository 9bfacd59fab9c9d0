/** The element with this id. @throws if the page has none of that kind: page and scripts are of different releases */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page has no ${kind.name} #${id}.`);
  return found;
}

type Attributes = Record<string, string | boolean | ((event: Event) => unknown)>;

/**
 * A new element. Content is text or nodes, never markup, so that user input never becomes markup.
 * @param attributes by name; true sets one, false removes it, a function listens to the event of that name
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

/** A button that is busy while its work runs. */
export function button(label: string, work: () => Promise<unknown>, attributes: Attributes = {}): HTMLButtonElement {
  const made = make('button', { type: 'button', ...attributes }, label);
  onPress(made, work);
  return made;
}

/** Lets a button of the page run this work, busy meanwhile. */
export function onPress(pressed: HTMLButtonElement, work: () => Promise<unknown>): void {
  pressed.addEventListener('click', () => void resting(pressed, work));
}

/** Lets a form run this work instead of being sent, its button busy meanwhile. */
export function onSubmit(form: HTMLFormElement, work: () => Promise<unknown>): void {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const pressed = form.querySelector<HTMLButtonElement>('button[type=submit]');
    if (pressed) void resting(pressed, work);
  });
}

// Not `disabled`: the user would lose the focus on the button.
async function resting(pressed: HTMLButtonElement, work: () => Promise<unknown>): Promise<void> {
  if (pressed.ariaBusy === 'true') return;
  pressed.ariaBusy = 'true';
  try {
    await work();
  } finally {
    pressed.ariaBusy = null;
  }
}
