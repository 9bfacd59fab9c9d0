import { z } from 'zod';

/** A code, of either kind. */
export const codeField = z.string().max(100).optional().meta({
  description: 'Six digits of an authenticator app, or a recovery code; spaces do not matter.',
  example: '287082',
});

/** What it must be is known by the room of passkeys. */
export const passkeyField = z
  .record(z.string(), z.unknown())
  .optional()
  .meta({
    description: 'What `PublicKeyCredential.toJSON()` gives after `navigator.credentials.get`.',
    example: { id: 'Yk3vJ8xq0ZtLw2sDfGhN5A' },
  });

export const rememberField = z.boolean().optional().meta({
  description: 'Whether this device is not to be asked for the second factor again, for `TRUSTED_DEVICE_TTL`.',
});
