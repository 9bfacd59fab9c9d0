/** A copy of the content of a `<template>`. */
export function copyOf(template: string): DocumentFragment {
  return document.importNode(find<HTMLTemplateElement>(document, `#${template}`).content, true);
}

/** @throws if there is none: the page and its scripts do not match */
export function find<E extends Element = HTMLElement>(within: ParentNode, selector: string): E {
  const found = within.querySelector<E>(selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  return found;
}

/** What the user should know, whichever view is shown. */
export function tell(news: string): void {
  find(document, '#news').textContent = news;
}

/** Runs the work and shows an error in plain words. */
export async function telling(alert: Element, work: () => Promise<unknown>): Promise<void> {
  alert.textContent = '';
  try {
    await work();
  } catch (error) {
    alert.textContent = meaningOf(error);
  }
}

export function meaningOf(error: unknown): string {
  return error instanceof TypeError ? 'The server can’t be reached.' : (error as Error).message;
}
