/** Components that a file system could take for git's own metadata (HFS+ ignores some code points, NTFS has short names). */
const GIT_NAMES = /^(\.git|git~\d+)[. ]*(:.*)?$/i;
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
const MAX_PATH = 4000;
const MAX_DEPTH = 200;

/** Why a path from a repository or a sandbox must not be used, or null when it may. */
export function pathProblem(path: Buffer): string | null {
  if (path.length === 0) return 'empty path';
  if (path.length > MAX_PATH) return `path over ${MAX_PATH} bytes`;
  if (path.includes(0)) return 'NUL in path';
  if (path[0] === 47) return 'absolute path';
  const parts = path.toString('utf8').split('/');
  if (parts.length > MAX_DEPTH) return `path over ${MAX_DEPTH} folders deep`;
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..') return 'path leaves its folder';
    if (GIT_NAMES.test(part.replace(HFS_IGNORED, ''))) return 'git metadata';
  }
  return null;
}
