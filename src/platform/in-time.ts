const patienceMs = 2_000;

/**
 * Waits two seconds for code that is not ours. What runs on after them is no longer waited for.
 * @param name of the file and the function, for the operator
 * @param run its signal aborts when the time is over
 * @throws Error if it throws or takes longer, with the reason as its cause
 */
export async function inTime<Result>(name: string, run: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), patienceMs);
  const isLate = new Promise<never>((_, reject) => {
    late.signal.addEventListener('abort', () => reject(new Error(`It took longer than ${patienceMs / 1000} s`)));
  });
  try {
    return await Promise.race([run(late.signal), isLate]);
  } catch (error) {
    // Whatever it throws: an error of ours would be taken for a refusal of ours.
    // The log of mails has no messages, but names.
    throw Object.assign(new Error(`${name} failed`, { cause: error }), { name });
  } finally {
    clearTimeout(timer);
  }
}
