import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { newToken, tokenHash } from '../email/one-time-tokens.js';
import { Prisma } from '../generated/prisma/client.js';
import { dataBox } from '../keys/data-box.js';
import type { SigningKeys } from '../keys/signing-keys.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { canonical } from '../users/users.js';
import type { Person } from './person.js';

type FlowDeps = { db: Db; keys: SigningKeys };

/** In seconds: at the provider, until the client fetches the tokens, and until the user has signed in to link. */
export const flowLife = { begun: 600, answered: 60, toLink: 600 };

/** A client that asked for a sign-in, and where its answer goes. */
type Client = { provider: string; redirectUri: string; codeChallenge: string };

/** What only we may read of a flow that is at the provider. @property clientState goes back to the client unchanged */
type Secrets = { verifier: string; nonce: string; clientState: string | undefined };

/** A flow whose provider is to answer. */
export type BegunFlow = Client & Secrets;

/** Keeps a flow until its provider answers with this state. */
export async function beginFlow(
  { db, keys }: FlowDeps,
  client: Client,
  state: string,
  secrets: Secrets,
): Promise<void> {
  const id = uuidv7();
  const { provider, redirectUri, codeChallenge } = client;
  await db.$executeRaw`
    INSERT INTO external_flow (id, provider, state_hash, sealed, redirect_uri, code_challenge, expires_at)
    VALUES (${id}::uuid, ${provider}, ${tokenHash(state)}::bytea, ${seal(keys, id, secrets)}::bytea, ${redirectUri},
      ${codeChallenge}, clock_timestamp() + make_interval(secs => ${flowLife.begun}))`;
}

/** The flow with this state, once: of any number of answers one gets it. */
export async function takeFlow(
  { db, keys }: FlowDeps,
  provider: string,
  state: string,
): Promise<BegunFlow | undefined> {
  const [row] = await db.$queryRaw<(Client & { id: string; sealed: Uint8Array })[]>`
    DELETE FROM external_flow WHERE state_hash = ${tokenHash(state)}::bytea AND provider = ${provider}
      AND expires_at > clock_timestamp()
    RETURNING id, provider, sealed, redirect_uri AS "redirectUri", code_challenge AS "codeChallenge"`;
  const secrets = row && open<Secrets>(keys, row.id, row.sealed);
  return secrets && { ...row, ...secrets };
}

/** Keeps the person that the provider told us of. @returns the external code, with which the client fetches the tokens */
export async function keepPerson({ db, keys }: FlowDeps, client: Client, person: Person): Promise<string> {
  const id = uuidv7();
  const { token, hash } = newToken();
  const { provider, redirectUri, codeChallenge } = client;
  const { issuer, subject, email, isVouchedFor } = person;
  const key = isVouchedFor && email !== null ? canonical(email) : null;
  await db.$executeRaw`
    INSERT INTO external_flow (id, provider, code_hash, sealed, redirect_uri, code_challenge, epoch, expires_at)
    SELECT ${id}::uuid, ${provider}, ${hash}::bytea, ${seal(keys, id, person)}::bytea, ${redirectUri}, ${codeChallenge},
      (SELECT epoch FROM "user" WHERE id = coalesce(
        (SELECT user_id FROM identity WHERE issuer = ${issuer} AND subject = ${subject}),
        (SELECT id FROM "user" WHERE email_key = ${key}))),
      clock_timestamp() + make_interval(secs => ${flowLife.answered})`;
  return token;
}

/** A flow that its provider has answered. @property epoch of the user that it was about then */
export type AnsweredFlow = { id: string; person: Person; epoch: number | null };

type Answered = { id: string; sealed: Uint8Array; epoch: number | null };

const answered = Prisma.sql`id, sealed, epoch`;

/** By the code and what binds it to the client (RFC 7636 §4.6). The flow is not used up. */
export async function findByCode(
  { db, keys }: FlowDeps,
  code: string,
  verifier: string,
): Promise<AnsweredFlow | undefined> {
  const [row] = await db.$queryRaw<Answered[]>`
    SELECT ${answered} FROM external_flow
    WHERE ${isCode(code, verifier)} AND used_at IS NULL AND expires_at > clock_timestamp()`;
  return row && opened(keys, row);
}

/** By a link token. The flow is not used up. */
export async function findByLinkToken({ db, keys }: FlowDeps, token: string): Promise<AnsweredFlow | undefined> {
  const [row] = await db.$queryRaw<Answered[]>`
    SELECT ${answered} FROM external_flow
    WHERE link_hash = ${tokenHash(token)}::bytea AND expires_at > clock_timestamp()`;
  return row && opened(keys, row);
}

/** @returns the session that a used code began, if it did; no further use finds the flow */
export async function forgetUsed({ db }: FlowDeps, code: string, verifier: string): Promise<string | undefined> {
  const [row] = await db.$queryRaw<{ sessionId: string | null }[]>`
    DELETE FROM external_flow WHERE ${isCode(code, verifier)} AND used_at IS NOT NULL
    RETURNING session_id AS "sessionId"`;
  return row?.sessionId ?? undefined;
}

function isCode(code: string, verifier: string): Prisma.Sql {
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  return Prisma.sql`code_hash = ${tokenHash(code)}::bytea AND code_challenge = ${challenge}`;
}

// In seconds: so long a second use of a code ends the session of the first.
const memoryOfUse = 3600;

/** An UPDATE that uses a code up: of any number at once one has a row. @param from what must have a row too */
export function useCode({ id }: AnsweredFlow, sessionId: string | null, from = Prisma.empty): Prisma.Sql {
  return Prisma.sql`
    UPDATE external_flow SET used_at = clock_timestamp(), session_id = ${sessionId}::uuid,
      expires_at = clock_timestamp() + make_interval(secs => ${memoryOfUse}) ${from}
    WHERE external_flow.id = ${id}::uuid AND used_at IS NULL AND expires_at > clock_timestamp()
    RETURNING external_flow.id`;
}

/** Uses the code up and gives a link token instead. @returns undefined if someone was faster */
export async function turnIntoLink({ db }: FlowDeps, { id }: AnsweredFlow): Promise<string | undefined> {
  const { token, hash } = newToken();
  const turned = await db.$executeRaw`
    UPDATE external_flow SET used_at = clock_timestamp(), link_hash = ${hash}::bytea,
      expires_at = clock_timestamp() + make_interval(secs => ${flowLife.toLink})
    WHERE id = ${id}::uuid AND used_at IS NULL AND expires_at > clock_timestamp()`;
  return turned > 0 ? token : undefined;
}

/** Uses a flow up in the transaction of what it earns; a code only if it was not used before. */
export async function endFlow(tx: Transaction, { id }: AnsweredFlow): Promise<boolean> {
  const ended = await tx.$executeRaw`
    DELETE FROM external_flow WHERE id = ${id}::uuid AND (used_at IS NULL OR link_hash IS NOT NULL)
      AND expires_at > clock_timestamp()`;
  return ended > 0;
}

function opened(keys: SigningKeys, { id, sealed, epoch }: Answered): AnsweredFlow | undefined {
  const person = open<Person>(keys, id, sealed);
  return person && { id, person, epoch };
}

function seal(keys: SigningKeys, id: string, value: object): Uint8Array<ArrayBuffer> {
  return new Uint8Array(dataBox(keys).seal(Buffer.from(JSON.stringify(value)), `external:${id}`));
}

function open<Value>(keys: SigningKeys, id: string, sealed: Uint8Array): Value | undefined {
  const plain = dataBox(keys).open(sealed, `external:${id}`);
  return plain && (JSON.parse(plain.toString()) as Value);
}
