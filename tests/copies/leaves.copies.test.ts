import { describe, expect, it } from 'vitest';
import { startBuilt } from '../support/built-server.js';
import { copyCheckout } from './copy.js';

/** What is taken out of a page, or has another text in its place. */
type Edit = RegExp | [RegExp, string];

/** OAuth's room needs that of API keys, so it goes with it. */
const oauth = {
  name: 'oauth',
  folders: ['src/oauth'],
  lines: {
    'src/routes.ts': [
      /^import .*'\.\/oauth\/.*$/gm,
      /^ {2}\.\.\.group\('OAuth', \[[\s\S]*?^ {2}\]\),$/m,
      /^const introspects = .*$/m,
      /^ {2}(clientOrBearer|issuerPath|oauthClient|tokenHolder),$/gm,
    ],
    'src/guards.ts': [/^export .*'\.\/oauth\/.*$/m],
  },
};

/** Rooms that can be removed: their folders, and the lines of pages that name them. */
const leaves: { name: string; folders: string[]; lines: Record<string, Edit[]> }[] = [
  {
    name: 'own/todos',
    folders: ['src/own/todos'],
    lines: {
      'src/own/routes.ts': [/^import \* as todos .*$/m, /^ {2}\.\.\.group\('Todos', \[[\s\S]*?^ {2}\]\),$/m],
      'src/own/personal-data.ts': [/^import .*todos.*$/m, /^ {2}todos: .*$/m],
    },
  },
  {
    name: 'docs',
    folders: ['src/docs'],
    lines: {
      'src/routes.ts': [
        /^import .*'\.\/docs\/.*$/gm,
        /^ {2}\.\.\.group\('Documentation', \[[\s\S]*?^ {2}\]\),$/m,
        /^ {2}'\/(docs|playground).*$/gm,
      ],
    },
  },
  {
    name: 'passkeys',
    folders: ['src/passkeys'],
    lines: {
      'src/routes.ts': [
        /^import .*'\.\/passkeys\/.*$/gm,
        /^ {2}\.\.\.group\('Passkeys', \[[\s\S]*?^ {2}\]\),$/m,
        /(?<=reauthenticateBy\()passkeyProof/,
        /, passkeyLimit(?=\])/,
        /, limit: passkeyLimit(?= \}, giveSecondFactor)/,
      ],
      'src/guards.ts': [/^(im|ex)port .*'\.\/passkeys\/.*$/gm, /(?<=secondFactorGuard\()passkeyProof/],
      'src/settings.ts': [/^import .*passkeys.*$/m, /^ {2}(Passkeys: |\.\.\.)passkeySettings,$/gm],
      'src/config.ts': [/^import .*passkeys.*$/m, /^.*passkey(Contradictions|Config)\(.*$/gm],
      'src/mails.ts': [/^import .*passkeys.*$/m, /^ {2}passkey_\w+: .*$/gm],
      'src/jobs.ts': [/^import .*passkeys.*$/m, /^.*purgeSpentChallenges \},$/m],
      'src/serve.ts': [/^import .*passkeys.*$/m, /^.*warnOfOrphanedPasskeys\(.*$/m],
      'src/commands.ts': [/^import .*passkeys.*$/gm, /(?<=purgeCommand\(\[)purgeSpentChallenges, /, /passkeyChecks, /],
    },
  },
  {
    name: 'providers',
    folders: ['src/providers'],
    lines: {
      'src/routes.ts': [
        /^import .*'\.\/providers\/.*$/gm,
        /^ {2}\.\.\.group\('Providers', \[[\s\S]*?^ {2}\]\),$/m,
        /^ {2}(externalCode|providerAnswer),$/gm,
      ],
      'src/guards.ts': [/^export .*'\.\/providers\/.*$/m],
      'src/settings.ts': [/^import .*providers.*$/m, /^ {2}(.*: |\.\.\.)(providerS|eachProviderS)ettings,$/gm],
      'src/config.ts': [
        /^import .*providers.*$/m,
        /^.*readProviders\(.*$/m,
        /^.*ofProviders\.problems.*$/m,
        [/(?<=shape\(given, )ofProviders\.providers/, '[]'],
        [/(?<=providers: )Provider\[\]/, '{ name: string; issuer: string }[]'],
        /^ {4}(redirectUris|identityLinking): .*$/gm,
      ],
      'src/mails.ts': [/^import .*providers.*$/m, /^ {2}identity_\w+: .*$/gm],
      'src/jobs.ts': [/^import .*providers.*$/m, /^.*purgeExternalFlows \},$/m],
      'src/commands.ts': [
        /^import .*providers.*$/gm,
        /^ {2}\.\.\.providerCommands,$/m,
        /, purgeExternalFlows(?=[,\]])/,
        /, providerChecks(?=[,\]])/,
      ],
    },
  },
  {
    name: 'invitations',
    folders: ['src/invitations'],
    lines: {
      'src/routes.ts': [
        /^import .*'\.\/invitations\/.*$/gm,
        /(?<=signUpBy\()findInvitation/,
        /^const invites = .*$/m,
        /^ {4}\w+\(.*\binvitations\.\w+\),$/gm,
      ],
      'src/mails.ts': [/^import .*invitations.*$/m, /^ {2}invitation,$/m],
      'src/jobs.ts': [/^import .*invitations.*$/m, /^.*purgeInvitations \},$/m],
      'src/commands.ts': [
        /^import .*invitations.*$/gm,
        /^ {2}\.\.\.invitationCommands,$/m,
        /, purgeInvitations(?=[,\]])/,
      ],
      'src/me/export.ts': [/^import .*invitations.*$/m, /^ {2}invitations: .*$/m],
    },
  },
  {
    name: 'api-keys',
    // What OAuth gives tokens for is a key.
    folders: ['src/api-keys', ...oauth.folders],
    lines: {
      'src/routes.ts': [
        ...oauth.lines['src/routes.ts'],
        /^import .*'\.\/api-keys\/.*$/gm,
        /^ {2}\.\.\.group\('API keys', \[[\s\S]*?^ {2}\]\),$/m,
        /^.*, userApiKeys\.\w+\),$/gm,
      ],
      'src/guards.ts': [
        ...oauth.lines['src/guards.ts'],
        /^import .*api-keys.*$/m,
        /(?<=AccessTokenGuard\()apiKeys/g,
        /(?<=accessTokenGuard\()apiKeys/,
      ],
      'src/settings.ts': [/^import .*api-keys.*$/m, /^ {2}('API keys': |\.\.\.)apiKeySettings,$/gm],
      'src/config.ts': [/^ {4}apiKeys: \{[\s\S]*?^ {4}\},$/m, [/(?<=ofKeys: )given\.API_KEYS !== 'off'/, 'false']],
      'src/mails.ts': [/^import .*api-keys.*$/m, /^ {2}api_key_\w+: .*$/gm],
      'src/jobs.ts': [/^import .*api-keys.*$/gm, /^ {2}\{ name: '.* API keys', .*$/gm],
      'src/commands.ts': [/^import .*api-keys.*$/gm, /^ {2}\.\.\.apiKeyCommands,$/m, /, apiKeyChecks(?=[,\]])/],
      'src/deps.ts': [
        /^import .*api-keys.*$/m,
        /^ {2}apiKeys: KeyChecks;$/m,
        /^ {4}const apiKeys = .*$/m,
        /^ {6}apiKeys,$/m,
        /^.*apiKeys\.uses\.write.*$/m,
      ],
    },
  },
  oauth,
  {
    name: 'revocation-list',
    folders: ['src/revocation-list'],
    lines: {
      'src/routes.ts': [/^import .*revocation-list.*$/m, /^ {2}\.\.\.group\('Other services', \[[\s\S]*?^ {2}\]\),$/m],
      'src/deps.ts': [
        /^import .*revocation-list.*$/gm,
        /^ {2}revocation(List|Streams): .*;$/gm,
        /^ {4}const revocation(List|Streams) = .*$/gm,
        /^ {6}revocation(List|Streams),$/gm,
      ],
      'src/serve.ts': [/^.*revocationStreams\.end\(\);$/m],
    },
  },
  {
    name: 'webhooks',
    folders: ['src/webhooks', 'src/own/events.ts'],
    lines: {
      'src/routes.ts': [
        /^import .*'\.\/webhooks\/.*$/gm,
        /^ {2}\.\.\.group\('Webhooks', \[[\s\S]*?^ {2}\]\),$/m,
        /^const managesWebhooks = .*$/m,
        /, sentEvents(?=\))/,
      ],
      'src/settings.ts': [/^import .*webhooks.*$/m, /^ {2}(Webhooks: |\.\.\.)webhookSettings,$/gm],
      'src/config.ts': [/^ {4}webhooks: \{[\s\S]*?^ {4}\},$/m],
      'src/mails.ts': [/^import .*webhooks.*$/m, /^ {2}webhook_disabled: .*$/m],
      'src/jobs.ts': [/^import .*webhooks.*$/m, /^.*purgeDeliveries \},$/m],
      'src/commands.ts': [
        /^import .*webhooks.*$/gm,
        /^ {2}\.\.\.webhookCommands,$/m,
        /, purgeDeliveries(?=[,\]])/,
        /, webhookChecks(?=[,\]])/,
      ],
      'src/deps.ts': [
        /^import .*webhooks.*$/gm,
        /^ {2}webhookWake: .*;$/m,
        /^ {6}webhookWake: .*,$/m,
        /^ {6}webhooks: .*,$/m,
      ],
      'src/app.ts': [/^import .*webhooks.*$/m, /^ {2}app\.use\(wakeAfterDeeds\(.*$/m],
      'src/serve.ts': [
        /^import .*'\.\/(webhooks|own\/events).*$/gm,
        /; on: EventHandlers(?= \})/,
        /^ {2}const stopWebhooks = .*$/m,
        /, stopWebhooks\(timeoutMs\)/,
      ],
    },
  },
  {
    name: 'user-transfer',
    folders: ['src/user-transfer'],
    lines: { 'src/commands.ts': [/^import .*user-transfer.*$/m, /^ {2}\.\.\.transferCommands,$/m] },
  },
];

describe.each(leaves)('Without $name', ({ folders, lines }) => {
  it('the server compiles, starts and signs a user up', async () => {
    const copy = copyCheckout();
    for (const folder of folders) copy.remove(folder);
    for (const [page, edits] of Object.entries(lines))
      for (const edit of edits) {
        const [pattern, instead] = edit instanceof RegExp ? [edit, ''] : edit;
        expect(copy.read(page)).toMatch(pattern);
        copy.write(page, copy.read(page).replace(pattern, instead));
      }
    // Removing rooms leaves unused imports, which the linter removes.
    copy.run('npx', 'biome', 'check', '--write', '--unsafe', 'src/routes.ts', 'src/own', 'src/commands.ts');
    copy.run('node', 'scripts/build.mjs');
    const server = await startBuilt(copy.path);
    const signUp = await fetch(`${server.url}/auth/signup`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'ada', password: 'correct horse battery staple' }),
    });
    const { access_token } = (await signUp.json()) as { access_token: string };
    const welcome = await fetch(`${server.url}/welcome`, { headers: { Authorization: `Bearer ${access_token}` } });
    expect([signUp.status, welcome.status]).toEqual([201, 200]);
  }, 300_000);
});
