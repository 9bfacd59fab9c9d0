// A service with @gatelatch/verify, as a process of its own. It says what it makes of a token, or when that changes.
import { setTimeout as sleep } from 'node:timers/promises';
import { createVerifier } from '@gatelatch/verify';

const verifier = createVerifier({ ...JSON.parse(process.env.VERIFIER_OPTIONS), log: () => undefined });
await verifier.ready();

const answerTo = (token) =>
  verifier.verify(token).then(
    () => 'accepted',
    ({ code }) => code,
  );

process.on('message', async ({ id, token, mustChange }) => {
  const answer = await answerTo(token);
  process.send({ id, answer });
  if (!mustChange) return;
  let now = answer;
  while (now === answer) {
    await sleep(5);
    now = await answerTo(token);
  }
  process.send({ id, answer: now });
});
process.on('disconnect', () => process.exit());
process.send({ isReady: true });
