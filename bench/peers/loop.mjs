/**
 * Runs `work` in as many parallel loops, and as long, as the bench asks, and reports the times.
 * @param work gets the number of its loop
 */
export function loopOnRequest(work) {
  process.on('message', async ({ connections, milliseconds }) => {
    const start = performance.now();
    const end = start + milliseconds;
    const latencies = [];
    await Promise.all(Array.from({ length: connections }, (_, n) => loop(n)));
    process.send({ latencies, seconds: (performance.now() - start) / 1000 });

    async function loop(n) {
      for (let now = performance.now(); now < end; ) {
        await work(n);
        const done = performance.now();
        latencies.push(done - now);
        now = done;
      }
    }
  });
  process.on('disconnect', () => process.exit());
  process.send({});
}
