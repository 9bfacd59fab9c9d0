import { CommandError } from '../platform/cli/command.js';

/**
 * Reads the Firebase console's "Password hash parameters".
 * @returns a function that completes `$fbscrypt$<salt>$<hash>` and keeps other hashes
 * @throws CommandError naming what is missing
 */
export function readFirebaseParameters(text: string): (hash: string) => string {
  const parameter = (name: string) => {
    const [, value] = new RegExp(`\\b${name}\\s*:\\s*"?([A-Za-z\\d+/=_-]*)`).exec(text) ?? [];
    if (value === undefined) throw new CommandError(`The Firebase parameters have no ${name}.`);
    return value;
  };
  if (parameter('algorithm') !== 'SCRYPT')
    throw new CommandError('The algorithm of Firebase parameters must be SCRYPT.');
  const cost = `v=1,n=${parameter('mem_cost')},r=${parameter('rounds')},p=1`;
  const keys = `ss=${parameter('base64_salt_separator')},sk=${parameter('base64_signer_key')}`;
  return (hash) => hash.replace(/^\$fbscrypt\$(?!v=)/, () => `$fbscrypt$${cost},${keys}$`);
}
