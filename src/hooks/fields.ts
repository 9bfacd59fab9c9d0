import { z } from 'zod';

/** For the hooks of `own/hooks.ts` alone: it is neither looked at, kept nor logged. */
export const captchaTokenField = z.string().min(1).max(4_096).optional().meta({
  description: 'What the widget of a captcha gave, for servers whose operator asks for one.',
  example: '0.zrSnRHO7h0HwSjSCU8oyzbjEtD8p.d62306d4ee00',
});
