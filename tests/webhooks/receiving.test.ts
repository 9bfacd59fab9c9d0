import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { signedHeaders } from '../../src/webhooks/sign.js';
import { blocksOf } from '../docs/pages.js';

const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
const textIn = (language: string) => blocksOf(page).find((block) => block.language === language)?.text ?? '';

type Sent = { secret: string; headers: Record<string, string>; body: string };

/** The code of docs/webhooks.md, letter by letter. */
const checks: Record<string, (sent: Sent) => boolean> = {
  Node({ secret, headers, body }) {
    const code = textIn('js').replace(/^import .*$/m, '');
    const process = { env: { GATELATCH_WEBHOOK_SECRET: secret } };
    try {
      new Function('Webhook', 'process', 'headers', 'body', code)(Webhook, process, headers, body);
      return true;
    } catch (error) {
      if ((error as Error).name !== 'WebhookVerificationError') throw error;
      return false;
    }
  },
  Python(sent) {
    const asks = 'import sys, json\nsent = json.load(sys.stdin)\n';
    const answers = 'print(is_genuine(sent["secret"], sent["headers"], sent["body"].encode()))';
    const code = `${textIn('python')}\n${asks}${answers}`;
    const { stdout, stderr } = spawnSync('python3', ['-c', code], { input: JSON.stringify(sent), encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.trim() === 'True';
  },
};

const isThere = { Node: true, Python: spawnSync('python3', ['--version']).status === 0 };

const secretOf = (bytes: Buffer) => `whsec_${bytes.toString('base64')}`;

describe.each(['Node', 'Python'] as const)('The receiver of docs/webhooks.md in %s', (name) => {
  const check = checks[name] as (sent: Sent) => boolean;
  const [now, before] = [randomBytes(32), randomBytes(32)];
  const secret = secretOf(now);
  const body = '{"type":"user.created","data":{"user":{"username":"Zoë"}}}';
  const headers = signedHeaders('evt_1', body, [now]);

  it.runIf(isThere[name])('takes what we sign, also while a secret is replaced', () => {
    expect(check({ secret, headers, body })).toBe(true);
    const both = signedHeaders('evt_1', body, [now, before]);
    for (const known of [now, before]) expect(check({ secret: secretOf(known), headers: both, body })).toBe(true);
  });

  it.runIf(isThere[name])('refuses what is no signature at all, and does not fail', () => {
    const { 'webhook-signature': _, ...unsigned } = headers;
    expect(check({ secret, headers: unsigned, body })).toBe(false);
    expect(check({ secret, headers: { ...headers, 'webhook-timestamp': 'now' }, body })).toBe(false);
    expect(check({ secret, headers: { ...headers, 'webhook-signature': 'v1,é' }, body })).toBe(false);
  });

  it.runIf(isThere[name])('refuses another body, id, secret and time', () => {
    expect(check({ secret, headers, body: body.replace('Zoë', 'Zoe') })).toBe(false);
    expect(check({ secret, headers: { ...headers, 'webhook-id': 'evt_2' }, body })).toBe(false);
    expect(check({ secret: secretOf(before), headers, body })).toBe(false);
    for (const minutes of [-6, 6]) {
      const then = signedHeaders('evt_1', body, [now], Date.now() + minutes * 60_000);
      expect(check({ secret, headers: then, body })).toBe(false);
    }
  });
});
