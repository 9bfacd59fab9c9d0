// The pages of docs/reference/ and `.env.example`, as text, from the tables in the code.
import { z } from 'zod';

/** @returns what `npm run docs` writes: text by path */
export function referencePages({ settingGroups, errors, auditMeanings, commands, routes }) {
  return {
    '.env.example': envExample(settingGroups),
    'docs/reference/settings.md': settingsPage(settingGroups),
    'docs/reference/errors.md': errorsPage(errors),
    'docs/reference/audit-actions.md': auditPage(auditMeanings),
    'docs/reference/commands.md': commandsPage(commands),
    'docs/reference/routes.md': routesPage(routes),
  };
}

const made = '<!-- Made from the code by `npm run docs`. Change the code, then run that. -->';
const page = (title, ...parts) => `${[`${made}\n# ${title}`, ...parts].join('\n\n')}\n`;

function table(headings, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (text) => (text === undefined || text === '' ? '–' : `\`${text}\``);

const anyText = 'any text';

/** A setting's error says what is allowed. */
function settingFacts(setting) {
  const { default: written, description, computed } = z.toJSONSchema(setting, { io: 'input', unrepresentable: 'any' });
  const parsed = setting.safeParse(undefined).data;
  const value = written ?? (typeof parsed === 'number' ? parsed : computed) ?? '';
  const mayBe = setting.safeParse('\0').error?.issues[0].message ?? anyText;
  return { value: String(value), mayBe, description };
}

function settingsPage(groups) {
  const sections = Object.entries(groups).map(([heading, settings]) => {
    const rows = Object.entries(settings).map(([name, setting]) => {
      const { value, mayBe, description } = settingFacts(setting);
      return [code(name), code(value), mayBe.replaceAll('<', '&lt;'), description];
    });
    return `## ${heading}\n\n${table(['Name', 'Default', 'May be', 'What it does'], rows)}`;
  });
  return page(
    'Settings',
    `Each setting is an environment variable, or a line in the file \`.env\`; the environment wins. None is needed to
begin. \`.env.example\` lists them all: copy it to \`.env\` and remove the # before what you change. A wrong setting
stops the start with one line that names it and says what it may be.

A duration is \`30s\`, \`15m\`, \`12h\`, \`30d\`, or a number of seconds. An empty value counts as unset.
Spaces around a value do not count, except in secrets and paths. \`.env\` is text in UTF-8 or UTF-16.`,
    ...sections,
  );
}

function errorsPage({ catalogue, advice }) {
  const rows = Object.entries(catalogue).map(([name, { status, title, code: known }]) => [
    code(known ?? name),
    String(status),
    title,
    advice[name],
  ]);
  return page(
    'Errors',
    `Every refusal is \`application/problem+json\` (RFC 9457) with \`type\`, \`title\`, \`status\`, \`detail\`, \`code\` and
\`request_id\`; with \`validation_failed\` also \`errors\`. Look at \`code\`: it never changes its meaning. \`title\` and
\`detail\` are for people. The log line of the request has the same \`request_id\`.`,
    table(['Code', 'Status', 'Title', 'What the client does'], rows),
  );
}

function auditPage(meanings) {
  const rows = Object.entries(meanings).map(([action, meaning]) => [code(action), meaning]);
  return page(
    'Audit actions',
    'What `GET /admin/audit` lists, and what its `action` filters by. [How the audit works](../audit.md).',
    table(['Action', 'What happened'], rows),
  );
}

function commandsPage(commands) {
  const sections = commands.map(({ name, arguments: positionals, options = {}, summary }) => {
    const usage = `\`\`\`text\nnpm run cli -- ${[name, ...positionals].join(' ')}\n\`\`\``;
    const rows = Object.entries(options).map(([option, { value, multiple, summary: what }]) => [
      code(value === undefined ? `--${option}` : `--${option} ${value}`),
      multiple ? `${what} (may be given several times)` : what,
    ]);
    const listed = rows.length > 0 ? `\n\n${table(['Option', 'What it does'], rows)}` : '';
    return `## ${name}\n\n${summary[0].toUpperCase()}${summary.slice(1)}.\n\n${usage}${listed}`;
  });
  return page(
    'Commands',
    `Run them where the server runs, as the same user, with the same settings: [how](../commands.md). Every command
takes \`--json\`: one JSON document on standard output. An argument that begins with a hyphen goes last, after \`--\`.
Exit codes: 0 done, 1 failed, 2 not understood.`,
    ...sections,
  );
}

function routesPage(rowsOfTable) {
  const rows = rowsOfTable.map(({ method, path, guard, tokens, needs, limits, statements, file, summary }) => [
    code(`${method} ${path}`),
    guard,
    tokens || '–',
    needs ? code(needs) : '–',
    limits || '–',
    statements || '–',
    code(file),
    summary,
  ]);
  return page(
    'Routes',
    `The fields of each route, its answers and its refusals are in the contract: \`GET /openapi.json\`, or the page
\`/docs\` of a running server. Any route may answer \`429 rate_limited\`: every request counts for the limit \`general\`. *Tokens*
is which access tokens a route takes: \`session\` is those of signed-in people, \`any\` is [API keys](../machines.md) too.
*Needs* is the permission that the token must have. *Statements* is how many SQL statements a request takes at most, besides
those of limits. \`npm run routes\` prints this table.`,
    table(['Route', 'Guard', 'Tokens', 'Needs', 'Limit', 'Statements', 'File', 'What it does'], rows),
  );
}

function envExample(groups) {
  const sections = Object.entries(groups).map(([heading, settings]) => {
    const lines = Object.entries(settings).map(([name, setting]) => {
      const { value, mayBe, description } = settingFacts(setting);
      const limits = mayBe === anyText ? '' : ` May be: ${mayBe.replace(/…?$/, '.')}`;
      return `${wrapped(`${description.replaceAll('`', '')}${limits}`)}\n#${name}=${value}`;
    });
    return `# --- ${heading} ---\n${[...lines, ...(composeSettings[heading] ?? [])].join('\n')}`;
  });
  return `${wrapped(
    `Every setting with its default. Made from src/settings.ts by npm run docs. None is needed for npm start. To change
one, copy this file to .env and remove the # before it. A duration is 30s, 15m, 12h, 30d, or a number of seconds.`,
  )}\n\n${sections.join('\n\n')}\n`;
}

// The server does not read these, so they are not in src/settings.ts.
const composeSettings = {
  Database: [
    `# The password of Postgres in the compose files. The server does not read it.\n#POSTGRES_PASSWORD=`,
    `# The password of the replica in docker-compose.scale.yml. The server does not read it.\n#REPLICATION_PASSWORD=`,
  ],
};

function wrapped(text) {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/(.{1,117})(?: |$)/g, '# $1\n')
    .trimEnd();
}
