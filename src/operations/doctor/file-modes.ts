import { stat } from 'node:fs/promises';
import type { Config } from '../../config.js';
import { type Finding, ok, problem, warning } from '../../platform/cli/finding.js';

export async function checkFileModes({ authSecret, database, mail }: Config): Promise<Finding[]> {
  const [, dir] = /^pglite:(?!memory$)(.+)$/.exec(database.url) ?? [];
  // Files may be closed although the directory is open, as on a container's volume.
  const looked = [
    ...(authSecret ? [] : [await look('.data/auth-secret', '600', problem)]),
    ...(dir === undefined ? [] : [await look(dir, '700', problem)]),
    await look(mail.folder, '700', problem),
    await look('.data', '700', warning),
  ];
  return looked.filter((finding) => finding !== undefined);
}

async function look(path: string, mode: string, bad: typeof problem): Promise<Finding | undefined> {
  const file = await stat(path).catch(() => undefined);
  if (!file || process.platform === 'win32') return undefined;
  const found = (file.mode & 0o777).toString(8);
  if ((file.mode & 0o077) === 0) return ok(path, `only its user may open it (${found})`);
  return bad(path, `other users of this machine may open it (${found})`, `chmod ${mode} ${path}`);
}
