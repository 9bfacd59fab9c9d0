export type Finding = {
  check: string;
  status: 'ok' | 'warning' | 'problem';
  detail: string;
  /** What to do about it; null if there is nothing to do. */
  mend: string | null;
};

export function ok(check: string, detail: string): Finding {
  return { check, status: 'ok', detail, mend: null };
}

/** It works, but not as it should. */
export function warning(check: string, detail: string, mend: string): Finding {
  return { check, status: 'warning', detail, mend };
}

/** It does not work, or is not safe. */
export function problem(check: string, detail: string, mend: string): Finding {
  return { check, status: 'problem', detail, mend };
}
