import { randomBytes, randomUUID } from 'node:crypto';
import type { TestApp } from '../support/app.js';

/** Passkeys that nobody can sign in with: what is tested counts them only. */
export async function insertPasskeys({ deps }: TestApp, userId: string, count: number): Promise<void> {
  for (let nth = 0; nth < count; nth++)
    await deps.db.passkey.create({
      data: {
        id: randomUUID(),
        userId,
        name: 'Passkey',
        credentialId: randomBytes(16),
        // COSE is a map.
        publicKey: Buffer.concat([Buffer.of(0xa5), randomBytes(76)]),
        counter: 0n,
        userHandle: randomBytes(64),
        rpId: 'localhost',
        transports: ['internal'],
        synced: true,
      },
    });
}
