import { Prisma } from '../generated/prisma/client.js';

/** How many deliveries of each webhook are under way here. */
export type UnderWay = ReadonlyMap<string, number>;

/** At once, in an instance: of one webhook, of one that fails, and of all that fail or are slow. So none holds up others. */
const most = { ofOne: 3, ofFailing: 1, ofAllHindering: 5 };

const slowFromMs = 2_000;

/** Whether a duration is that of a slow receiver: a good one that answers late takes as much as one that hangs. */
export const isSlow = (durationMs: number | Prisma.Sql) =>
  Prisma.sql`(coalesce(${durationMs}::int, 0) >= ${Prisma.raw(String(slowFromMs))})`;

/** Whether the webhook fails or is slow. */
export const hinders = Prisma.sql`(w.failing_since IS NOT NULL OR ${isSlow(Prisma.sql`w.last_duration_ms`)})`;

/** How many more of this webhook may be under way; of those that hinder others, besides, how many of all of them. */
export const leftOf = (underWay: UnderWay) => Prisma.sql`
  (CASE WHEN w.failing_since IS NULL THEN ${most.ofOne}::int ELSE ${most.ofFailing}::int END
    - coalesce((${json(underWay)}::jsonb->>w.id::text)::int, 0))`;
export const leftOfHindering = (underWay: UnderWay) => Prisma.sql`
  (SELECT ${most.ofAllHindering}::int - coalesce(sum(u.count::int), 0)
    FROM jsonb_each_text(${json(underWay)}::jsonb) u(id, count) JOIN webhook w ON w.id = u.id::uuid AND ${hinders})`;

/** From when on a webhook may be tried again: one that fails is tried once a second, so that it costs little. */
export const restsUntil = Prisma.sql`
  (CASE WHEN w.failing_since IS NOT NULL THEN coalesce(w.last_attempt_at, w.failing_since) + interval '1 second' END)`;

// A number and no expression: of one that it cannot know, the planner expects a tenth of all rows, and compiles the
// statement each time, which takes a hundred times as long as to run it.
export const fewOfOne = Prisma.raw(String(most.ofOne));

function json(underWay: UnderWay): string {
  return JSON.stringify(Object.fromEntries(underWay));
}
