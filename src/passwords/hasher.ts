import { randomBytes } from 'node:crypto';
import argon2 from 'argon2';
import { type Caller, keyOfCaller } from '../platform/caller.js';
import type { Expense, Gate, Turn } from '../platform/process/gate.js';
import { createForeignHashes, matchesImported } from './foreign-hashes/formats.js';
import { expenseOf, fitsInto, type HashCost, isComputable } from './hash-cost.js';
import { canonicalPassword, isPossible } from './policy.js';

export type Passwords = {
  /**
   * Hashes a password that `checkNewPassword` accepted.
   * @param asker takes its turn at the gate; none for the operator
   * @returns a PHC string of argon2id (16 bytes of salt, 32 of hash)
   * @throws AppError `overloaded`; TypeError for text that is not well-formed
   */
  hash(password: string, asker?: Asker, patienceMs?: number): Promise<string>;
  /**
   * Compares the whole password, in NFC and otherwise as received (ASVS 6.2.8). Every answer costs one hash, so timing
   * reveals neither whether the user exists nor whether the stored hash is valid. An imported hash has its own cost,
   * twice if the password is not in NFC, until the first login replaces it.
   * @param stored undefined for an unknown user
   * @returns false also for an unknown format or a too expensive hash (fail closed, ASVS 11.2.5)
   * @throws AppError `overloaded`
   */
  verify(stored: string | undefined, password: string, asker?: Asker): Promise<boolean>;
  /**
   * Says that this caller will ask for a hash once the user is read.
   * @throws AppError `overloaded` at once if there is no place
   */
  announce(caller: Caller): Asker;
  /** Whether a stored hash is imported, or uses less memory or fewer passes than new hashes (ASVS 11.2.2). */
  isOutdated(stored: string): boolean;
  /** Whether a stored hash costs so much that it is not compared, and so opens nothing. */
  isTooDear(stored: string): boolean;
  /** Why a hash of another system cannot be imported and what to do; undefined if it can. */
  objectionTo(hash: string): string | undefined;
};

/** Who waits for a hash. */
export type Asker = Pick<Caller, 'address' | 'whenGone'> & {
  /** Ends an announcement. */
  arrive?(): void;
};

type Options = {
  cost: HashCost;
  gate: Gate;
  /** What comparing with a stored hash may cost; our own may always cost as much as a new one. */
  ceiling: Expense;
  pepper?: string | undefined;
};

const operator: Asker = { address: '' };

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/**
 * The only place that hashes passwords: argon2id (RFC 9106), always through the gate.
 */
export function createPasswords({ cost, gate, ceiling, pepper }: Options): Passwords {
  const decoy = decoyHash(cost);
  const ownExpense = expenseOf(cost);
  const { importedHash, objectionTo, ...foreign } = createForeignHashes(ceiling, pepper);

  function inTurn<T>(asker: Asker, turn: Turn & { expense: Expense }, work: () => Promise<T>): Promise<T> {
    asker.arrive?.();
    return gate.run(keyOfCaller(asker), work, { ...turn, isDear: isDear(turn.expense), whenGone: asker.whenGone });
  }

  // Two strangers' guesses at hashes of a second each must not take both places of two cores.
  function isDear({ milliseconds }: Expense): boolean {
    return milliseconds > Math.max(ceiling.milliseconds / 2, ownExpense.milliseconds);
  }

  /** The expense of one of our own hashes that may be computed. */
  function ownExpenseOf(stored: string | undefined): Expense | undefined {
    const storedCost = stored === undefined ? undefined : readCost(stored);
    if (!storedCost || !isComputable(storedCost)) return undefined;
    const expense = expenseOf(storedCost);
    return fitsInto(expense, ceiling) || fitsInto(expense, ownExpense) ? expense : undefined;
  }

  return {
    objectionTo,
    announce: (caller) => ({ ...caller, arrive: gate.announce(keyOfCaller(caller), ownExpense) }),
    async hash(password, asker = operator, patienceMs) {
      if (!isPossible(password)) throw new TypeError('Nobody can have this password.');
      const turn = { expense: ownExpense, ...(patienceMs !== undefined && { patienceMs }) };
      return inTurn(asker, turn, () => argon2.hash(canonicalPassword(password), argon2Options(cost)));
    },
    async verify(stored, password, asker = operator) {
      const known = isPossible(password) ? stored : undefined;
      const imported = known !== undefined && importedHash(known);
      if (imported)
        return matchesImported(imported, password, (work) => inTurn(asker, { expense: imported.expense }, work));
      const expense = ownExpenseOf(known);
      const [digest, text] = expense && known !== undefined ? [known, canonicalPassword(password)] : [decoy, ''];
      const right = await inTurn(asker, { expense: expense ?? ownExpense }, () => argon2.verify(digest, text));
      return right && expense !== undefined;
    },
    isTooDear: (stored) => ownExpenseOf(stored) === undefined && foreign.isTooDear(stored),
    isOutdated(stored) {
      const storedCost = readCost(stored);
      return !storedCost || storedCost.memoryKiB < cost.memoryKiB || storedCost.passes < cost.passes;
    },
  };
}

function argon2Options(cost: HashCost) {
  return {
    type: argon2.argon2id,
    memoryCost: cost.memoryKiB,
    timeCost: cost.passes,
    parallelism: cost.parallelism,
    salt: randomBytes(SALT_BYTES),
    hashLength: HASH_BYTES,
  };
}

/** Random bytes without a known password; comparing takes as long as with a real hash. */
function decoyHash(cost: HashCost): string {
  const [salt, digest] = [SALT_BYTES, HASH_BYTES].map((size) =>
    randomBytes(size).toString('base64').replace(/=+$/, ''),
  );
  return `$argon2id$v=19$${costParams(cost)}$${salt}$${digest}`;
}

function costParams({ memoryKiB, passes, parallelism }: HashCost): string {
  return `m=${memoryKiB},t=${passes},p=${parallelism}`;
}

/** The cost in a PHC string of argon2id, version 1.3, with at least 8 bytes of salt and 16 bytes of hash. */
function readCost(stored: string): HashCost | undefined {
  const phc =
    /^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$[A-Za-z\d+/]{11,86}\$[A-Za-z\d+/]{22,86}$/;
  const [memoryKiB, passes, parallelism] = (phc.exec(stored) ?? []).slice(1).map(Number);
  if (!memoryKiB || !passes || !parallelism) return undefined;
  return { memoryKiB, passes, parallelism };
}
