// The ceiling of a login: so many argon2 verifications at once, for so long, and nothing around them.
import argon2 from 'argon2';

const hash = await argon2.hash('correct horse battery staple', {
  type: argon2.argon2id,
  memoryCost: Number(process.env.BENCH_MEMORY_KIB),
  timeCost: Number(process.env.BENCH_PASSES),
  parallelism: Number(process.env.BENCH_LANES),
});

process.on('message', async ({ connections, milliseconds }) => {
  const start = performance.now();
  const end = start + milliseconds;
  const latencies = [];
  await Promise.all(Array.from({ length: connections }, loop));
  process.send({ latencies, seconds: (performance.now() - start) / 1000 });

  async function loop() {
    for (let now = performance.now(); now < end; ) {
      if (!(await argon2.verify(hash, 'correct horse battery staple'))) throw new Error('The hash does not verify.');
      const done = performance.now();
      latencies.push(done - now);
      now = done;
    }
  }
});
process.on('disconnect', () => process.exit());
process.send({});
