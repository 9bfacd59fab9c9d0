const name = 'playground.tab';

// A reload releases its lock a moment after the new page asks for it.
const patience = 500;

/**
 * Makes sure that this tab's storage belongs to it alone: a duplicated tab starts with a copy, and two tabs with the
 * same refresh token look like a theft.
 */
export async function claimTab(): Promise<void> {
  const id = sessionStorage.getItem(name) ?? crypto.randomUUID();
  if (!(await holds(id))) {
    sessionStorage.clear();
    return claimTab();
  }
  sessionStorage.setItem(name, id);
}

/** Holds the lock until the page goes; false if another page has it. */
function holds(id: string): Promise<boolean> {
  // Only on https and localhost; elsewhere tabs are not protected.
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const untilThePageGoes = () => {
      resolve(true);
      return new Promise<never>(() => {});
    };
    navigator.locks
      .request(`${name}.${id}`, { signal: AbortSignal.timeout(patience) }, untilThePageGoes)
      .catch(() => resolve(false));
  });
}
