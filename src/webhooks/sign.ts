import { createHmac } from 'node:crypto';

/**
 * The headers of Standard Webhooks 1.0 for one attempt.
 * @param id the same at every attempt
 * @param secrets each gives a signature, so that a receiver may know either while a secret is replaced
 */
export function signedHeaders(id: string, body: string, secrets: Buffer[], now = Date.now()): Record<string, string> {
  const timestamp = Math.floor(now / 1000);
  const signatures = secrets.map((secret) => {
    const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
    return `v1,${mac}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': `${timestamp}`, 'webhook-signature': signatures.join(' ') };
}
