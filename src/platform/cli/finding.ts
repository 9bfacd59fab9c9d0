export type Finding = {
  check: string;
  status: 'ok' | 'warning' | 'problem';
  detail: string;
  mend: string | null;
};

export function ok(check: string, detail: string): Finding {
  return { check, status: 'ok', detail, mend: null };
}

export function warning(check: string, detail: string, mend: string): Finding {
  return { check, status: 'warning', detail, mend };
}

export function problem(check: string, detail: string, mend: string): Finding {
  return { check, status: 'problem', detail, mend };
}
