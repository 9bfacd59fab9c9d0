import { administration } from './story/administration.mjs';
import { goodbye } from './story/goodbye.mjs';
import { machineRoutes } from './story/machine-routes.mjs';
import { machines } from './story/machines.mjs';
import { passkeys } from './story/passkeys.mjs';
import { passwordAndEmail } from './story/password-and-email.mjs';
import { protectedRoutes } from './story/protected-routes.mjs';
import { providers } from './story/providers.mjs';
import { refresh } from './story/refresh.mjs';
import { secondFactor } from './story/second-factor.mjs';
import { sessions } from './story/sessions.mjs';
import { signUpAndLogIn } from './story/sign-up-and-log-in.mjs';
import { start } from './story/start.mjs';
import { todos } from './story/todos.mjs';

/**
 * A step is a request, and what is to be seen by it.
 * @typedef {object} Step
 * @property {string} operation operationId of the OpenAPI document
 * @property {string} [name] what it is called; else the operation's summary
 * @property {string} [about] what there is to see
 * @property {object} [body] else the document's example
 * @property {Record<string, string>} [form] in place of a body
 * @property {Record<string, string>} [query]
 * @property {string} [id] of the path, as `provider`, `key_id`, `event_id` and `rest`
 * @property {string | null} [token] other than the one kept; null for none
 * @property {[string, string]} [basic] name and password in place of a token
 * @property {string} [refused] the code of the refusal that is meant to be seen
 * @property {true} [cacheable] if the answer is the same for all
 * @property {true} [keepTokens] where the answer's tokens are those of the next requests
 * @property {() => void} [before] runs in Postman, before the request
 * @property {() => void} [after] runs in Postman, after the tests that the contract asks for
 */

const chapters = [
  start,
  signUpAndLogIn,
  protectedRoutes,
  todos,
  sessions,
  refresh,
  passwordAndEmail,
  secondFactor,
  passkeys,
  providers,
  machines,
  administration,
  machineRoutes,
];

/**
 * @param {string[]} operations every operationId; those in no chapter get one of their own
 * @returns {{ name: string, about: string, before?: () => void, steps: Step[] }[]} `before` runs before each of its steps
 */
export function story(operations) {
  const told = new Set([...chapters, goodbye].flatMap(({ steps }) => steps.map(({ operation }) => operation)));
  const untold = operations.filter((operation) => !told.has(operation)).map((operation) => ({ operation }));
  const others = { name: 'More routes', about: 'Of these the story does not tell yet.', steps: untold };
  return [...chapters, ...(untold.length > 0 ? [others] : []), goodbye];
}
