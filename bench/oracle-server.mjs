// The server that bench/oracle.mjs measures, in its own process. It can also create users that no route creates.
import { randomUUID } from 'node:crypto';
import { loadConfig } from '../dist/config.js';
import { dataBox } from '../dist/keys/data-box.js';
import { createLog } from '../dist/platform/process/log.js';
import { newTotpSecret } from '../dist/second-factor/totp.js';
import { sealTotpSecret } from '../dist/second-factor/totp-secrets.js';
import { serve } from '../dist/serve.js';
import { newPasskey } from './passkey.mjs';

const server = await serve(loadConfig(), createLog('warn', process.stderr));
console.log(`port ${server.port}`);

process.on('message', async ({ known, unverified, disabled, factor, namesakes, passkeys }) => {
  const { user, totp, passkey } = server.deps.db;
  await user.update({ where: { emailKey: unverified }, data: { emailVerifiedAt: null } });
  await user.update({ where: { emailKey: disabled }, data: { disabledAt: new Date() } });
  for (const emailKey of [known, unverified, disabled, factor])
    await user.createMany({ data: await namesakesOf(emailKey, namesakes) });
  const { usernameKey } = await user.update({ where: { emailKey: factor }, data: { secondFactor: 'any' } });
  await user.updateMany({ where: { usernameKey: { startsWith: `${usernameKey}-` } }, data: { secondFactor: 'any' } });
  const asked = await user.findMany({ where: { secondFactor: 'any', usernameKey: { startsWith: usernameKey } } });
  await totp.createMany({ data: asked.map(({ id }) => totpOf(id)) });
  for (const [emailKey, { credentialId, userHandle }] of Object.entries(passkeys)) {
    const { id: userId } = await user.findUniqueOrThrow({ where: { emailKey } });
    await passkey.create({ data: { id: randomUUID(), userId, ...newPasskey(credentialId, userHandle) } });
  }
  process.send('done');
});

function totpOf(userId) {
  const id = randomUUID();
  const secret = sealTotpSecret(dataBox(server.deps.keys), id, newTotpSecret());
  return { id, userId, name: 'App', secret, confirmedAt: new Date() };
}

async function namesakesOf(emailKey, count) {
  const one = await server.deps.db.user.findUniqueOrThrow({ where: { emailKey } });
  return Array.from({ length: count }, (_, turn) => {
    const username = `${one.usernameKey}-${turn}`;
    const email = `${username}@example.com`;
    return { ...one, id: randomUUID(), username, usernameKey: username, email, emailKey: email };
  });
}

// Also if the bench was killed and could not stop it.
for (const end of ['SIGTERM', 'disconnect']) process.once(end, () => server.stop().then(() => process.exit(0)));
