import { expect, it } from 'vitest';
import { permissionsOf } from '../../src/permissions/permissions.js';
import { startAppForTest } from '../support/app.js';
import { withRole } from '../support/rows.js';

it('GET /admin/roles lists each role with its permissions, and each permission with what it is for', async () => {
  const app = await startAppForTest();
  const admin = await withRole(app, await app.signUp(), 'admin');
  const { body } = await app.http.get('/admin/roles').set(admin.bearer).expect(200);
  const names = body.permissions.map(({ name }: { name: string }) => name);
  expect(names).toEqual([...names].sort());
  expect(names).toContain('service-users:write');
  const byName = Object.fromEntries(body.roles.map((role: { name: string }) => [role.name, role]));
  expect(Object.keys(byName)).toEqual(['admin', 'user', 'editor']);
  expect(byName.admin.permissions).toEqual(names);
  expect(byName.user.permissions).toEqual(['profile:read', 'todos:read', 'todos:write']);
  for (const { description } of [...body.roles, ...body.permissions]) expect(description).toMatch(/\.$/);
});

it('a word of an old row that looks like two roles gives nothing, and takes nothing from who has the two', () => {
  const both = ['editor', 'admin'];
  expect(permissionsOf('service', [both.join(' ')]).size).toBe(0);
  expect(permissionsOf('service', both).size).toBeGreaterThan(0);
  expect(permissionsOf('service', [both.join(' ')]).size).toBe(0);
});
