import type { z } from 'zod';
import { setRoles } from '../../src/admin/user-changes.js';
import type { AnyRoute } from '../../src/endpoint.js';
import { routes } from '../../src/routes.js';
import { goodPassword, type SignedUp, type TestApp } from './app.js';

/** Rows of the route table with a name for the titles of tests. */
export type Row = { name: string; row: AnyRoute };

export const rows: Row[] = routes.map((row) => ({ name: `${row.method} ${row.path}`, row }));
export const guardedRows = rows.filter(({ row }) => !['public', 'password', 'metrics-token'].includes(row.guard));
export const bodyRows = rows.filter(({ row }) => row.body !== undefined);
export const idRows = rows.filter(({ row }) => row.path.includes('{id}'));

const nobodysId = '01890a5d-ac96-774b-bcce-b302099a8057';

/** The path of a row; its `{id}` names nothing unless said. */
export function pathOf({ path }: AnyRoute, id = nobodysId): string {
  return path.replace('{id}', id);
}

/** A request for a row. */
export function ask({ http }: TestApp, row: AnyRoute, path = pathOf(row)) {
  return http[row.method.toLowerCase() as 'get'](path);
}

/** The header that opens a row, where it needs one. */
export function credentialsFor(row: AnyRoute, user: SignedUp): Record<string, string> {
  return ['public', 'password', 'metrics-token'].includes(row.guard) ? {} : user.bearer;
}

/** Every field that a row's body takes. */
export function fieldsOf(row: AnyRoute): string[] {
  let schema: z.ZodType = row.body;
  while ('unwrap' in schema) schema = (schema as z.ZodDefault).unwrap() as z.ZodType;
  return Object.keys((schema as z.ZodObject).shape);
}

// Good of its kind, and refused: the user who asks is to live on, with the password that they have.
const wrongPassword = 'incorrect horse battery staple';

/** A new user whom the row lets in. */
export async function userFor(app: TestApp, { role }: AnyRoute): Promise<SignedUp> {
  const user = await app.signUp();
  return role === undefined ? user : withRole(app, user, role);
}

/** The user with one role, signed in anew. */
export async function withRole(app: TestApp, user: SignedUp, role: string): Promise<SignedUp> {
  await setRoles(app.deps, user.userId, [role], {});
  const { body } = await app.http.post('/auth/login').send({ username: user.username, password: user.password });
  return {
    ...user,
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
    sessionId: body.session_id,
    bearer: { Authorization: `Bearer ${body.access_token}` },
  };
}

// One good value for each field of any body. A new field is to be named here, and a test says so.
const goodValues: Record<string, unknown> = {
  username: 'somebody',
  password: goodPassword,
  email: 'somebody@example.com',
  transport: 'bearer',
  device_token: 'a'.repeat(76),
  refresh_token: 'a'.repeat(104),
  token: 'a'.repeat(43),
  title: 'Water the plants',
  completed: true,
  current_password: wrongPassword,
  new_password: 'another horse battery staple',
  roles: ['editor'],
  disabled: false,
};

/** A body with every field that the row takes, each of the right type. */
export function goodBody(row: AnyRoute): Record<string, unknown> {
  return Object.fromEntries(
    fieldsOf(row).map((field) => {
      if (!(field in goodValues)) throw new Error(`Give tests/support/rows.ts a good value for ${field}.`);
      const provesWhoAsks = field === 'password' && row.guard === 'access-token';
      return [field, provesWhoAsks ? wrongPassword : goodValues[field]];
    }),
  );
}
