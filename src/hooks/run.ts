import { AppError, type ErrorCode } from '../errors.js';
import type { Caller } from '../platform/caller.js';
import { inTime } from '../platform/in-time.js';
import { withPlainDomain } from '../platform/mail/email-address.js';
import type {
  ForgotPasswordAsked,
  Hooks,
  HookTools,
  LogInAsked,
  MailAsked,
  PasswordAsked,
  SignUpAsked,
  Verdict,
} from './hooks.js';

/** Each resolves if its hook allows it, or if there is none. @throws AppError its refusal @throws Error if the hook fails */
export type RunHooks = {
  beforeSignUp(asked: SignUpAsked): Promise<void>;
  beforePasswordCheck(asked: PasswordAsked): Promise<void>;
  beforeLogIn(asked: LogInAsked): Promise<void>;
  beforeForgotPassword(asked: ForgotPasswordAsked): Promise<void>;
  /** @returns false if the mail is not to be sent */
  beforeMail(asked: MailAsked): Promise<boolean>;
};

export function createHooks(own: Hooks, tools: Omit<HookTools, 'signal'>): RunHooks {
  const refusing = (name: keyof Hooks, code: ErrorCode) => async (asked: Subject) => {
    const refusal = await refusalOf(own, name, asked, tools);
    if (refusal !== undefined) throw new AppError(code, { detail: refusal });
  };
  return {
    beforeSignUp: refusing('beforeSignUp', 'signup_refused'),
    beforePasswordCheck: refusing('beforePasswordCheck', 'login_refused'),
    beforeLogIn: refusing('beforeLogIn', 'login_refused'),
    beforeForgotPassword: refusing('beforeForgotPassword', 'forgot_refused'),
    async beforeMail(asked) {
      const refusal = await refusalOf(own, 'beforeMail', asked, tools);
      if (refusal !== undefined)
        tools.log.info({ purpose: asked.purpose, why: refusal }, 'own/hooks.ts withheld a mail');
      return refusal === undefined;
    },
  };
}

type Subject = { caller: Caller; email?: string | undefined } | MailAsked;
type AnyHook = (asked: Subject, tools: HookTools) => Promise<Verdict>;

/** @returns why it is refused, or undefined @throws Error whatever else happens: a hook fails closed */
async function refusalOf(
  own: Hooks,
  name: keyof Hooks,
  asked: Subject,
  tools: Omit<HookTools, 'signal'>,
): Promise<string | undefined> {
  const hook = own[name] as AnyHook | undefined;
  if (!hook) return undefined;
  const verdict = await inTime(`own/hooks.ts: ${name}`, async (signal) => hook(copyOf(asked), { ...tools, signal }));
  if (verdict === 'allow') return undefined;
  if (typeof verdict?.refuse !== 'string') throw new Error(`own/hooks.ts: ${name} gave no verdict`);
  return verdict.refuse;
}

/**
 * What a hook changes in what it was asked, even after its time, is changed for nobody else. A domain has one spelling
 * there, or what a hook refuses would come in capitals.
 */
function copyOf(asked: Subject): Subject {
  if (!('caller' in asked)) return { ...asked, to: withPlainDomain(asked.to) };
  const copy = { ...asked, caller: { ...asked.caller } };
  return 'email' in copy && copy.email !== undefined ? { ...copy, email: withPlainDomain(copy.email) } : copy;
}
