import { callback } from './callback.js';
import type { GatelatchError } from './client/dist/index.js';
import { finishExternal, linkIdentity, linkWith, logInWith, type Provider } from './client/dist/providers.js';
import { button, byId } from './dom.js';
import type { Proven } from './proof.js';
import type { PlaygroundSession } from './session.js';
import type { SignIn } from './sign-in.js';
import type { SignInMethods } from './sign-in-methods.js';

type Needs = { playground: PlaygroundSession; signIn: SignIn; methods: SignInMethods; proven: Proven };

/**
 * A button for each provider, to sign in and to link it.
 * @param answer a provider's, with which the page was opened
 */
export function createProviders(
  { playground, signIn, methods, proven }: Needs,
  providers: Provider[],
  answer: string | undefined,
): void {
  /** Stands for an identity that waits until its user has logged in. */
  let linkToken: string | undefined;

  for (const { name, label } of providers) {
    const leaveBy = (leave: typeof logInWith) => () => leave(playground.client, name, { redirectUri: callback });
    byId('sign-in-providers', HTMLElement).append(
      button(`Continue with ${label}`, () => signIn.enter(leaveBy(logInWith))),
    );
    byId('link-providers', HTMLElement).append(button(`Link ${label}`, () => methods.attempt(leaveBy(linkWith))));
  }
  playground.follow(({ session }) => {
    if (session && linkToken) void link(linkToken);
  });
  if (answer) void (playground.session ? finishLink(answer) : signIn.enter(() => finishSignIn(answer)));

  async function finishSignIn(answer: string): Promise<void> {
    const finished = await finishExternal(playground.client, answer).catch(goOn);
    if (finished?.status === 'verification_sent') signIn.tellOfMail();
  }

  function goOn(error: GatelatchError): Promise<undefined> {
    linkToken = error.linkToken;
    if (linkToken) signIn.choose('log-in');
    return signIn.secondStepOf(error);
  }

  function finishLink(answer: string): Promise<void> {
    return methods.attempt(() =>
      proven((password) => finishExternal(playground.client, answer, password ? { password } : {})),
    );
  }

  async function link(token: string): Promise<void> {
    linkToken = undefined;
    await methods.attempt(() =>
      proven((password) => linkIdentity(playground.client, { linkToken: token, ...(password && { password }) })),
    );
  }
}
