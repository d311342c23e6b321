import { chmod, chown, lstat, mkdir, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Who owns what runs inside: root gives it to an own uid, an ordinary user keeps it. */
export type Owner = { readonly uid: number; readonly gid: number } | null;

/** Makes the writable layer of a workspace: `upper/` and `work/`, owned by what runs inside. Existing folders are kept. */
export async function makeLayer(layer: string, owner: Owner): Promise<void> {
  for (const name of ['', 'upper', 'work']) {
    await mkdir(join(layer, name), { recursive: true, mode: 0o755 });
    if (owner !== null && name !== '') await chown(join(layer, name), owner.uid, owner.gid);
  }
}

/**
 * Removes a tree that hostile code wrote: folders without permissions are opened first, links are never followed.
 * A tree that is not there is no error.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await openUp(path);
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  }
}

/** The first attempt to remove gives up at once and still deletes in the background: what is gone meanwhile is no error. */
async function openUp(path: string): Promise<void> {
  const info = await lstat(path).catch(() => null);
  if (info === null || !info.isDirectory()) return;
  try {
    await chmod(path, 0o700);
    for await (const entry of await opendir(path)) if (entry.isDirectory()) await openUp(join(path, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
