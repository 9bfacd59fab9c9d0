import { afterAll } from 'vitest';

// Closed embedded databases, hundreds of megabytes each, that V8 would keep as long as the machine has room.
const tooMuch = 1e9;

afterAll(() => {
  if (process.memoryUsage().external > tooMuch) globalThis.gc?.();
});
