/** A fresh copy of what a `<template>` of the page holds. */
export function copyOf(template: string): DocumentFragment {
  return document.importNode(find<HTMLTemplateElement>(document, `#${template}`).content, true);
}

/** @throws where there is none: the page and its scripts would no longer fit */
export function find<E extends Element = HTMLElement>(within: ParentNode, selector: string): E {
  const found = within.querySelector<E>(selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  return found;
}

/** Does this, and tells in words that people understand where it goes wrong. */
export async function telling(alert: Element, work: () => Promise<unknown>): Promise<void> {
  alert.textContent = '';
  try {
    await work();
  } catch (error) {
    alert.textContent = error instanceof TypeError ? 'The server can’t be reached.' : (error as Error).message;
  }
}
