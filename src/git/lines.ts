import type { LineRange } from '../protocol/coverage.js';
import { type GitContext, git } from './command.js';

/** Lines that a change added or edited, by path, as they stand after it. A file that only lost lines has none. */
export async function changedLines(context: GitContext, base: string, head: string, paths: readonly string[]): Promise<ReadonlyMap<string, readonly LineRange[]>> {
  if (paths.length === 0) return new Map();
  const found = await git(context, ['diff-tree', '-r', '-p', '-U0', '--no-ext-diff', '--no-textconv', '--no-renames', '--no-color', '--src-prefix=a/', '--dst-prefix=b/', base, head, '--', ...paths]);
  return readHunks(found.toString('utf8'));
}

/**
 * Reads a patch without context. The content of a file may look like a header of the next one, so lines of a hunk are counted off and not looked at.
 * A path that git writes in quotes is left out: no source file needs one.
 */
export function readHunks(patch: string): Map<string, LineRange[]> {
  const files = new Map<string, LineRange[]>();
  let path: string | null = null;
  let skip = 0;
  for (const line of patch.split('\n')) {
    if (line.startsWith('\\')) continue;
    if (skip > 0) {
      skip -= 1;
      continue;
    }
    const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (line.startsWith('diff --git ')) path = null;
    else if (line.startsWith('+++ ')) path = line.startsWith('+++ b/') ? line.slice(6).replace(/\t$/, '') : null;
    else if (hunk !== null) {
      const [removed, from, added] = [Number(hunk[1] ?? 1), Number(hunk[2]), Number(hunk[3] ?? 1)];
      skip = removed + added;
      if (path !== null && added > 0) files.set(path, [...(files.get(path) ?? []), [from, from + added - 1]]);
    }
  }
  return files;
}
