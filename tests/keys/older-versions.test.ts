import { createPrivateKey, createSecretKey } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { labelOf } from '../../src/keys/signing-keys.js';
import { goodPassword as password, startApp, type TestApp } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';
import { addTotp, codeOf } from '../support/second-factor.js';

/** How versions before the second factor (a8ad655) read each key, whatever its purpose; else they do not start. */
async function readAsBefore({ deps: { db, box } }: TestApp): Promise<string[]> {
  const rows = await db.signingKey.findMany();
  return rows.map(({ id, purpose, algorithm, sealed }) => {
    const plain = box.open(sealed, `signing key ${id} ${purpose} ${algorithm}`);
    if (!plain) throw new Error(`AUTH_SECRET does not open the ${purpose} key`);
    if (algorithm === 'HS256') createSecretKey(plain);
    else createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' });
    return purpose;
  });
}

/** As the first version with a data key stored it. */
async function storeAsA256gcm({ deps: { db, box } }: TestApp): Promise<string> {
  const row = await db.signingKey.findFirstOrThrow({ where: { purpose: 'data' } });
  const facts = { ...row, algorithm: 'A256GCM' };
  const plain = box.open(row.sealed, labelOf(row)) ?? Buffer.of();
  const sealed = new Uint8Array(box.seal(plain, labelOf(facts)));
  await db.signingKey.update({ where: { id: row.id }, data: { algorithm: 'A256GCM', sealed } });
  return row.id;
}

it('Signing keys are all read by older versions, also a data key of A256GCM after one start, which keeps it', async () => {
  const database = await lendDatabase();
  let app = await startApp({}, { database });
  onTestFinished(async () => {
    await app.stop();
    await database.drop();
  });
  expect(await readAsBefore(app)).toContain('data');
  const user = await app.signUp();
  const { secret } = await addTotp(app, user);
  const kid = await storeAsA256gcm(app);
  await expect(readAsBefore(app)).rejects.toThrow(/asn1|DECODER|unsupported/i);
  await (await app.deps.loadKeys()).reload();
  await app.stop();

  app = await startApp({}, { database });
  expect(await readAsBefore(app)).toContain('data');
  expect(app.deps.keys.active('data').kid).toBe(kid);
  const logIn = app.http.post('/auth/login');
  await logIn.send({ username: user.username, password, code: codeOf(secret) }).expect(200);
});
