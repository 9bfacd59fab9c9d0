// The ceiling of a login or sign-up: this many hashes at once, for this long, and nothing else.
import argon2 from 'argon2';
import { loopOnRequest } from './loop.mjs';

const password = 'correct horse battery staple';
const cost = {
  type: argon2.argon2id,
  memoryCost: Number(process.env.BENCH_MEMORY_KIB),
  timeCost: Number(process.env.BENCH_PASSES),
  parallelism: Number(process.env.BENCH_LANES),
};
const hash = await argon2.hash(password, cost);

const work = {
  verify: async () => {
    if (!(await argon2.verify(hash, password))) throw new Error('The hash does not verify.');
  },
  hash: () => argon2.hash(password, cost),
};
loopOnRequest(work[process.env.BENCH_WORK ?? 'verify']);
