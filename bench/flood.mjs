import { setTimeout as sleep } from 'node:timers/promises';
import { connections } from './contests.mjs';
import { fire } from './load.mjs';
import { PASSWORD } from './people.mjs';
import { residentMb } from './processes.mjs';

const LOGINS = 300;

/** `/welcome` with and without 300 queued logins: throughput, p99 and memory. @returns one row with the targets */
export async function measureFlood({ gatelatch, users, origin }, { rounds, seconds }) {
  const welcome = {
    ...gatelatch,
    connections: connections.read,
    request: () => ({
      method: 'GET',
      path: '/welcome',
      headers: { authorization: `Bearer ${users[0].access_token}`, origin },
    }),
  };
  await fire(welcome, seconds);
  await sleep(1000);
  const restMb = residentMb(gatelatch.pid);
  const measured = [];
  let mostMb = restMb;
  for (let round = 0; round < rounds; round += 1) {
    const quiet = await fire(welcome, seconds);
    const flood = startFlood(gatelatch.url);
    await sleep(300);
    const flooded = await fire(welcome, seconds);
    mostMb = Math.max(mostMb, residentMb(gatelatch.pid));
    measured.push({ quiet, flooded, logins: await flood.stop() });
  }
  return { rounds: measured, restMb, mostMb };
}

/** Always 300 logins in flight with wrong passwords, so that each costs only a hash. */
function startFlood(url) {
  const answers = {};
  let on = true;
  const flooding = Array.from({ length: LOGINS }, async (_, n) => {
    while (on) {
      const response = await fetch(`${url}/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: `flood-${n}`, password: `not ${PASSWORD}` }),
      });
      answers[response.status] = (answers[response.status] ?? 0) + 1;
      await response.arrayBuffer();
    }
  });
  return {
    async stop() {
      on = false;
      await Promise.all(flooding);
      return answers;
    },
  };
}
