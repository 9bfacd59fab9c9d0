import { z } from 'zod';
import { time } from '../../platform/http/fields.js';
import type { Todo } from './todos.js';

export const todoSchema = z
  .object({
    id: z.uuid(),
    title: z.string(),
    completed: z.boolean(),
    created_at: time,
    updated_at: time,
  })
  .meta({
    id: 'Todo',
    example: {
      id: '01a203a4-7c1e-7d3b-9a52-3f0c6c1f2a10',
      title: 'Read the route table',
      completed: false,
      created_at: '2026-11-22T14:20:03.870Z',
      updated_at: '2026-11-22T14:20:03.870Z',
    },
  });

export function todoJson(todo: Todo): z.infer<typeof todoSchema> {
  return {
    id: todo.id,
    title: todo.title,
    completed: todo.completed,
    created_at: todo.createdAt.toISOString(),
    updated_at: todo.updatedAt.toISOString(),
  };
}
