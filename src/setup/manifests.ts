import { chown, lstat, mkdir, opendir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BlobReader } from '../git/blobs.js';
import type { GitContext } from '../git/command.js';
import { pathProblem } from '../git/paths.js';
import { listTree } from '../git/tree.js';
import type { Owner } from '../sandbox/layer.js';
import { isManifest } from './manifest-names.js';
import { siftNpmrc } from './npmrc.js';
import { siftYarnrc } from './yarnrc.js';

const MAX_MANIFEST = 20 * 1024 * 1024;
const MAX_CONFIGURATION = 100_000;

/** Manifests and lockfiles of a tree: all that the fetch phase gets to see. Key = path. */
export async function readManifests(context: GitContext, tree: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  await using reader = await BlobReader.open(context);
  for (const entry of await listTree(context, tree)) {
    const path = entry.path.toString('utf8');
    const parts = path.split('/');
    if (!entry.mode.startsWith('100') || entry.size > MAX_MANIFEST || pathProblem(entry.path) !== null || parts.includes('node_modules') || parts.includes('.npmrc')) continue;
    if (isManifest(path)) found.set(path, await reader.read(entry.blob));
  }
  return found;
}

/** The client configuration of the protected base, sifted. */
export async function readNpmrc(context: GitContext, baseTree: string): Promise<{ readonly kept: string; readonly dropped: readonly string[] }> {
  return siftNpmrc((await readAtRoot(context, baseTree, '.npmrc')) ?? '');
}

/** Every client configuration of the protected base, sifted. Key = path; without those that say nothing. */
export async function readConfiguration(context: GitContext, baseTree: string): Promise<Map<string, string>> {
  const yarnrc = await readAtRoot(context, baseTree, '.yarnrc.yml');
  return new Map([['.npmrc', (await readNpmrc(context, baseTree)).kept], ...(yarnrc === null ? [] : [['.yarnrc.yml', siftYarnrc(yarnrc)] as const])]);
}

async function readAtRoot(context: GitContext, tree: string, path: string): Promise<string | null> {
  const entry = (await listTree(context, tree)).find((e) => e.path.toString('utf8') === path && e.mode.startsWith('100') && e.size <= MAX_CONFIGURATION);
  if (entry === undefined) return null;
  await using reader = await BlobReader.open(context);
  return (await reader.read(entry.blob)).toString('utf8');
}

/** Writes manifests into a fresh folder that becomes the fetch phase's workspace. */
export async function layManifests(folder: string, files: ReadonlyMap<string, Buffer | string>, owner: Owner): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o755 });
    await writeFile(join(folder, path), content, { mode: 0o644 });
  }
  if (owner === null) return;
  const own = async (path: string): Promise<void> => {
    await chown(path, owner.uid, owner.gid);
    if ((await lstat(path)).isDirectory()) for await (const entry of await opendir(path)) await own(join(path, entry.name));
  };
  await own(folder);
}
