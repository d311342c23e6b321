import { posix } from 'node:path';

/** Where the tree lies inside every sandbox. */
export const WORKSPACE = '/workspace';

/** A path as the change names it; null for one outside of the workspace, which no change can touch, and for the workspace itself. */
export function workspaceFile(path: string | null): string | null {
  if (path === null || path === '' || path.includes('\0')) return null;
  const at = posix.relative(WORKSPACE, posix.resolve(WORKSPACE, path));
  return at === '' || at === '..' || at.startsWith('../') ? null : at;
}
