// The server that bench/oracle.mjs measures, in its own process. It can also create users that no route creates.
import { randomUUID } from 'node:crypto';
import { loadConfig } from '../dist/config.js';
import { createLog } from '../dist/platform/process/log.js';
import { serve } from '../dist/serve.js';

const server = await serve(loadConfig(), createLog('warn', process.stderr));
console.log(`port ${server.port}`);

process.on('message', async ({ known, unverified, disabled, namesakes }) => {
  const { user } = server.deps.db;
  await user.update({ where: { emailKey: unverified }, data: { emailVerifiedAt: null } });
  await user.update({ where: { emailKey: disabled }, data: { disabledAt: new Date() } });
  for (const emailKey of [known, unverified, disabled])
    await user.createMany({ data: await namesakesOf(emailKey, namesakes) });
  process.send('done');
});
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
