import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Seals small secrets for storage. They are useless without `AUTH_SECRET`. */
export type SecretBox = {
  /** AES-256-GCM; `label` is authenticated, so a sealed value cannot be moved to another row. */
  seal(plain: Buffer, label: string): Buffer;
  open(sealed: Uint8Array, label: string): Buffer | undefined;
};

const version = 1;
const ivBytes = 12;
const tagBytes = 16;

/**
 * @param secrets `AUTH_SECRET`, then previous ones, which only open. Each gives an AES key by HKDF-SHA256 (RFC 5869).
 */
export function createSecretBox(secrets: [string, ...string[]]): SecretBox {
  const [current, ...previous] = secrets.map(sealingKey) as [Buffer, ...Buffer[]];
  return {
    seal: (plain, label) => sealWith(current, plain, label),
    open(sealed, label) {
      for (const key of [current, ...previous]) {
        const plain = openWith(key, Buffer.from(sealed), label);
        if (plain) return plain;
      }
      return undefined;
    },
  };
}

function sealingKey(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'gatelatch sealing key v1', 32));
}

/** AES-256-GCM with a key of 32 bytes. */
export function sealWith(key: Buffer, plain: Buffer, label: string): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(label));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.of(version), iv, cipher.getAuthTag(), body]);
}

/** @returns undefined for a wrong key or label, and for anything that was not sealed so */
export function openWith(key: Buffer, sealed: Buffer, label: string): Buffer | undefined {
  const bodyAt = 1 + ivBytes + tagBytes;
  if (sealed.length < bodyAt || sealed[0] !== version) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + ivBytes), { authTagLength: tagBytes })
    .setAAD(Buffer.from(label))
    .setAuthTag(sealed.subarray(1 + ivBytes, bodyAt));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(bodyAt)), decipher.final()]);
  } catch {
    // GCM cannot tell a wrong secret from tampering.
    return undefined;
  }
}
