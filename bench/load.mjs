import autocannon from 'autocannon';
import { cpuSeconds } from './processes.mjs';

/**
 * One round of requests against one server.
 * @param target `connections`, and `request`: gives autocannon the request of client number n; a request with
 * `onReply(body)` is followed by the body that this returns
 * @returns requests per second, latency in ms and the server's processor time per request in µs
 * @throws if an answer was not 2xx: the figures would mean nothing
 */
export async function fire({ pid, url, connections, request }, seconds) {
  let clients = 0;
  const cpuBefore = cpuSeconds(pid);
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    setupClient: (client) => client.setRequests([following(client, request(clients++))]),
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} answers were not 2xx, ${result.errors} requests failed.`);
  return figures({
    count: result['2xx'],
    seconds: result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    cpu: cpuSeconds(pid) - cpuBefore,
  });
}

function following(client, { onReply, ...request }) {
  if (onReply) request.onResponse = (_status, body) => client.setBody(onReply(body));
  return request;
}

/** The same figures for a loop in its own child process. */
export async function loop({ pid, connections, ask }, seconds) {
  const cpuBefore = cpuSeconds(pid);
  const { latencies, seconds: took } = await ask({ connections, milliseconds: seconds * 1000 });
  latencies.sort((a, b) => a - b);
  const quantile = (share) => latencies[Math.floor(latencies.length * share)];
  return figures({
    count: latencies.length,
    seconds: took,
    p50: quantile(0.5),
    p99: quantile(0.99),
    cpu: cpuSeconds(pid) - cpuBefore,
  });
}

function figures({ count, seconds, p50, p99, cpu }) {
  return {
    perSecond: round(count / seconds),
    p50: round(p50),
    p99: round(p99),
    cpuMicros: Number.isNaN(cpu) ? null : round((cpu * 1e6) / count),
    // Near 1, a single-threaded server is at its limit; well below, the client or the database is.
    cpuShare: Number.isNaN(cpu) ? null : round(cpu / seconds, 100),
  };
}

function round(value, digits = 10) {
  return Math.round(value * digits) / digits;
}
