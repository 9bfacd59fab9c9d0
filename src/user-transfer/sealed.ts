import { hkdfSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { openWith, sealWith } from '../keys/secret-box.js';
import { CommandError } from '../platform/cli/command.js';
import { totpSecretText } from '../second-factor/totp.js';
import type { ForeignMethods } from './methods.js';

/** Seals and opens what of a line is secret, bound to its username. */
export type LineBox = {
  seal(methods: Pick<ForeignMethods, 'totp' | 'recoveryCodes'>, username: string): string;
  /** @returns undefined for another key, and for what was sealed for another user */
  open(sealed: string, username: string): unknown;
};

const keyBytes = 32;

/** @throws CommandError */
export async function lineBoxOf(keyFile: string): Promise<LineBox> {
  const given = await readFile(keyFile).catch((error: Error) => {
    throw new CommandError(`The key file cannot be used: ${error.message}`);
  });
  if (given.length !== keyBytes)
    throw new CommandError(
      `The key file must hold ${keyBytes} bytes, such as: openssl rand -out users.key ${keyBytes}`,
    );
  return lineBox(given);
}

export function lineBox(given: Buffer): LineBox {
  const key = Buffer.from(hkdfSync('sha256', given, '', 'gatelatch users file v1', 32));
  const labelOf = (username: string) => `users file ${username}`;
  return {
    seal({ totp, recoveryCodes }, username) {
      const secrets = totp.map(({ name, secret }) => ({ name, secret: totpSecretText(secret) }));
      const plain = Buffer.from(JSON.stringify({ totp: secrets, recovery_codes: recoveryCodes }));
      return sealWith(key, plain, labelOf(username)).toString('base64url');
    },
    open(sealed, username) {
      const plain = openWith(key, Buffer.from(sealed, 'base64url'), labelOf(username));
      return plain && JSON.parse(plain.toString());
    },
  };
}
