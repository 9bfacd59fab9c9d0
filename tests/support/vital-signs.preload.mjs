// `node --import` loads this into the server under test. Its socket reports how long the event loop was blocked and how
// much memory is in use.
import { openSync, readSync } from 'node:fs';
import { createServer } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

const everyMs = 5;
const schedule = openSync('/proc/self/schedstat');
const bytes = Buffer.alloc(64);
let last = { at: performance.now(), ran: ranFor() };
let longest = { own: 0, wall: 0 };

// How long the main thread has had a core, in ms. Time of other processes on a busy machine does not count.
function ranFor() {
  const text = bytes.toString('latin1', 0, readSync(schedule, bytes, 0, bytes.length, 0));
  return Number(text.split(' ')[0]) / 1e6;
}

setInterval(() => {
  const now = { at: performance.now(), ran: ranFor() };
  longest = {
    own: Math.max(longest.own, now.ran - last.ran),
    wall: Math.max(longest.wall, now.at - last.at - everyMs),
  };
  last = now;
}, everyMs).unref();

// A piece of work that takes about 10 ms on the machine the limits were set on.
const text = JSON.stringify(Array.from({ length: 2_000 }, (_, n) => ({ id: n, name: `name ${n}`, done: n % 2 === 0 })));
function yardstick() {
  const took = Array.from({ length: 5 }, () => {
    const start = ranFor();
    for (let round = 0; round < 9; round++) JSON.parse(text);
    return ranFor() - start;
  });
  return took.sort((a, b) => a - b)[2];
}

createServer((socket) => {
  const stall = longest;
  socket.on('error', () => undefined);
  const slowness = yardstick() / 10;
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  socket.end(JSON.stringify({ stall, slowness, rss, held: heapUsed + external }));
  last = { at: performance.now(), ran: ranFor() };
  longest = { own: 0, wall: 0 };
})
  .listen(process.env.VITAL_SIGNS)
  .unref();
