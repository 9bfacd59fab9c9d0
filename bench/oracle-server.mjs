// The server that bench/oracle.mjs measures, in a process of its own, which can also make users what no route makes them.
import { loadConfig } from '../dist/config.js';
import { createLog } from '../dist/log.js';
import { serve } from '../dist/serve.js';

const server = await serve(loadConfig(), createLog('warn', process.stderr));
console.log(`port ${server.port}`);

process.on('message', async ({ unverified, disabled }) => {
  const { user } = server.deps.db;
  await user.update({ where: { emailKey: unverified }, data: { emailVerifiedAt: null } });
  await user.update({ where: { emailKey: disabled }, data: { disabledAt: new Date() } });
  process.send('done');
});
// Also where the bench was killed, and can't say so.
for (const end of ['SIGTERM', 'disconnect']) process.once(end, () => server.stop().then(() => process.exit(0)));
