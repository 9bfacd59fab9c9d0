import { z } from 'zod';
import { boundedFetch } from './bounded-fetch.js';
import { emailOf, nameOf, type Person } from './person.js';

const userSchema = z.object({ id: z.int().positive(), name: z.unknown() });

const emailsSchema = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

type GithubPerson = Pick<Person, 'subject' | 'email' | 'isVouchedFor' | 'name'>;

/**
 * Who a GitHub token is of: by the number, because login names can change hands.
 * @throws if GitHub does not say
 */
export async function githubPerson(issuer: string, accessToken: string): Promise<GithubPerson> {
  const api = githubApi(issuer);
  const { id, name } = userSchema.parse(await get(`${api}/user`, accessToken));
  const emails = emailsSchema.parse(await get(`${api}/user/emails`, accessToken));
  const primary = emails.find((one) => one.primary);
  const email = emailOf(primary?.email);
  return { subject: String(id), email, isVouchedFor: email !== null && primary?.verified === true, name: nameOf(name) };
}

/** An Enterprise Server has its API below its own address. */
export function githubApi(issuer: string): string {
  return issuer === 'https://github.com' ? 'https://api.github.com' : `${issuer}/api/v3`;
}

async function get(url: string, accessToken: string): Promise<unknown> {
  const headers = {
    Authorization: `Bearer ${accessToken}`,
    Accept: 'application/vnd.github+json',
    'User-Agent': 'Gatelatch',
    'X-GitHub-Api-Version': '2022-11-28',
  };
  const answer = await boundedFetch(url, { headers });
  if (!answer.ok) throw new Error(`GitHub answered ${answer.status}`);
  return answer.json();
}
