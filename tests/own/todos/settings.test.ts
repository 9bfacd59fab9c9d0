import { expect, it } from 'vitest';
import { parseConfig } from '../../../src/config.js';

const todosPerUser = (typed: string) => parseConfig({ TODOS_PER_USER: typed }).own.TODOS_PER_USER;

it('TODOS_PER_USER is 10,000 if it is unset, and may be from 1 to 1,000,000', () => {
  expect(['', '1', '1000000'].map(todosPerUser)).toEqual([10_000, 1, 1_000_000]);
  for (const bad of ['0', '1000001', '1.5', 'many'])
    expect(() => todosPerUser(bad), bad).toThrow('TODOS_PER_USER must be a whole number from 1 to 1000000.');
});
