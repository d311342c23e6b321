import { chmod, chown, lstat, mkdir, mkdtemp, opendir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../process/spawn.js';
import { SallyportError } from '../protocol/errors.js';
import type { SandboxDriver } from './sandbox.js';

/** Who owns what runs inside: root gives it to an own uid, an ordinary user keeps it. */
export type Owner = { readonly uid: number; readonly gid: number } | null;

/** A layer's content as a file system of its own, so that it can be no larger than that. Seen only where a sandbox mounts it over the layer's folder. */
export const IMAGE = 'disk.img';
const MKE2FS = '/usr/sbin/mke2fs';
/** A file system of this many MiB at least: ext4 needs some room for itself. */
const SMALLEST_MIB = 16;

/**
 * Makes the writable layer of a workspace: `upper/` and `work/`, owned by what runs inside. Existing folders are kept. With `disk` (MiB) and an
 * owner, that is as root, both lie in an image of that size; what does not fit gets ENOSPC. Throws `sandbox.unavailable` when no image can be made.
 */
export async function makeLayer(layer: string, owner: Owner, disk?: number): Promise<void> {
  const image = disk !== undefined && owner !== null;
  for (const name of image ? [''] : ['', 'upper', 'work']) {
    await mkdir(join(layer, name), { recursive: true, mode: 0o755 });
    if (owner !== null && name !== '') await chown(join(layer, name), owner.uid, owner.gid);
  }
  if (!image || (await stat(join(layer, IMAGE)).catch(() => null)) !== null) return;
  const draft = await mkdtemp(join(layer, '.draft-'));
  try {
    await makeImage(join(draft, IMAGE), owner, disk);
    await rename(join(draft, IMAGE), join(layer, IMAGE)); // whole or not at all: a run may be killed in between and resumed
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** A layer that is as bounded as this driver can make it: what it enforces was seen to hold. */
export async function boundedLayer(driver: Pick<SandboxDriver, 'probe'>, layer: string, owner: Owner, disk: number): Promise<void> {
  const { enforced } = await driver.probe();
  await makeLayer(layer, owner, enforced.includes('disk_limit') ? disk : undefined);
}

/**
 * A sparse file with an ext4 that holds `upper/` and `work/`. No journal: a layer that was cut off by a crash of the machine is thrown away or looked
 * at anew. No resize inode: both together make it in 5 ms and 200 KiB whatever its size.
 */
export async function makeImage(file: string, owner: NonNullable<Owner>, disk: number): Promise<void> {
  const template = await mkdtemp(join(dirname(file), '.template-'));
  try {
    for (const name of ['upper', 'work']) {
      await mkdir(join(template, name), { mode: 0o755 });
      await chown(join(template, name), owner.uid, owner.gid);
    }
    await chmod(template, 0o755);
    await writeFile(file, '', { flag: 'wx', mode: 0o600 });
    await truncate(file, Math.max(SMALLEST_MIB, disk) * 1024 * 1024);
    const argv = [MKE2FS, '-q', '-F', '-t', 'ext4', '-O', '^has_journal,^resize_inode', '-E', 'lazy_itable_init=1,nodiscard,root_owner=0:0', '-m', '0', '-i', '8192', '-d', template, file];
    const made = await run(argv, { timeout: 30_000, env: {} });
    if (made.exit !== 0) throw new SallyportError('sandbox.unavailable', `Cannot make a disk image of ${disk} MiB: ${made.stderr.toString('utf8').trim().slice(0, 300) || `mke2fs ended with ${made.exit}`}`, { hint: 'apt-get install e2fsprogs' });
  } finally {
    await rm(template, { recursive: true, force: true });
  }
}

/** The folder whose image holds `path`, or null when it is a plain path: `path` is a layer or something right below one. */
export async function imageOf(path: string): Promise<string | null> {
  for (const folder of [path, dirname(path)]) if ((await stat(join(folder, IMAGE)).catch(() => null))?.isFile() === true) return folder;
  return null;
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
