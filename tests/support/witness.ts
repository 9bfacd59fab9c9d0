import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { expectSoundRefusal } from './problem.js';

/** A request, its response, and how long it took. */
export type Seen = {
  line: string;
  /** 0 if no response came. */
  status: number;
  headers: Record<string, string | string[] | undefined>;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what the response to its request contains.
  body: any;
  /** When it was sent, by `performance.now()`. */
  at: number;
  ms: number;
};

type Asking = { bearer?: string; body?: unknown };

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

/** Sends one request and records what happened: `recordRequest(url, 'GET /me', { bearer })`. It never rejects. */
export async function recordRequest(url: string, line: string, { bearer, body }: Asking = {}): Promise<Seen> {
  const at = performance.now();
  const [method, path] = line.split(' ');
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
    ...(sent !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(sent) }),
  };
  return new Promise((resolve) => {
    const seen = (status: number, headers: Seen['headers'], body: unknown) =>
      resolve({ line, status, headers, body, at, ms: performance.now() - at });
    const asking = request(`${url}${path}`, { method: method as string, agent, headers }, async (answer) => {
      const received = await text(answer).catch(() => '');
      seen(answer.statusCode ?? 0, answer.headers, received === '' ? undefined : JSON.parse(received));
    });
    asking.on('error', (error) => seen(0, {}, error.message));
    asking.end(sent);
  });
}

/** What the contract allows while a database fails: the normal response, or 503 `database_unavailable`, within 3 s. */
export function expectDocumented(all: Seen[]): void {
  for (const { line, status, headers, body, ms } of all) {
    const told = `${line}: ${status} ${body?.code ?? ''} after ${Math.round(ms)} ms`;
    if (status === 503) {
      expect(body?.code, told).toBe('database_unavailable');
      expectSoundRefusal({ status, headers, body });
    } else expect([200, 201, 204], told).toContain(status);
    expect(ms, told).toBeLessThan(3_000);
  }
}

/** Sends the same request again and again until it is stopped. */
export function askRepeatedly(url: string, line: string, everyMs = 100): { seen: Seen[]; stop(): Promise<void> } {
  const seen: Seen[] = [];
  let stopped = false;
  const running = (async () => {
    while (!stopped) {
      seen.push(await recordRequest(url, line));
      await sleep(everyMs);
    }
  })();
  return {
    seen,
    async stop() {
      stopped = true;
      await running;
    },
  };
}
