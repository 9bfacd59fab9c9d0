import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import type { PlainUser } from '../users/plain-user.js';

/** What a hook decides. `refuse` says why in a sentence for people. */
export type Verdict = 'allow' | { refuse: string };

/** What a hook works with. `signal` aborts when its two seconds are over: give it to `fetch`. */
export type HookTools = { db: Db; config: Config; log: Logger; signal: AbortSignal };

/** What every hook but the last is told. */
export type Asked = {
  caller: Caller;
  /** `captcha_token` of the body, if there was one. */
  captchaToken: string | undefined;
};

export type SignUpAsked = Asked & {
  username: string;
  /** As it was typed, but for its domain, which has small ASCII letters in everything that a hook is told. */
  email: string | undefined;
  by: 'password' | 'invitation' | 'provider';
  /** Its name, for a sign-up by a provider. */
  provider: string | undefined;
};

/** @property login the username or address as it was typed, whether or not a user has it */
export type PasswordAsked = Asked & { login: string };

export type LogInAsked = Asked & {
  user: PlainUser;
  by: 'password' | 'passkey' | 'provider';
  /** Its name, for a sign-in by a provider. */
  provider: string | undefined;
};

/** @property email as it was typed, whether or not a user has it */
export type ForgotPasswordAsked = Asked & { email: string };

/** @property purpose such as `verify`: docs/mail.md lists them */
export type MailAsked = { purpose: string; to: string; userId: string | null };

type Hook<Subject> = (asked: Subject, tools: HookTools) => Promise<Verdict>;

/**
 * Your own decisions. Each has two seconds. One that throws, takes longer or gives anything else than a verdict refuses,
 * with `500`. None runs in a transaction.
 */
export type Hooks = {
  /** Before a person becomes a user, before anything is looked up for it. Refuses with `signup_refused`. */
  beforeSignUp?: Hook<SignUpAsked>;
  /** Before a typed password is compared, and before its user is looked up: for captchas. Refuses with `login_refused`. */
  beforePasswordCheck?: Hook<PasswordAsked>;
  /**
   * After the right password, passkey or provider, before a second factor is asked for or a session starts. Refuses with
   * `login_refused`.
   */
  beforeLogIn?: Hook<LogInAsked>;
  /** Before a mail to reset a password is asked for. Refuses with `forgot_refused`. */
  beforeForgotPassword?: Hook<ForgotPasswordAsked>;
  /** Before a mail is written. A refused one is not sent, and nobody hears of it; one that fails is tried again later. */
  beforeMail?: Hook<MailAsked>;
};
