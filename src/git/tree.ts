import { chmod, lchown, mkdir, mkdtemp, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SallyportError } from '../protocol/errors.js';
import { type GitContext, git } from './command.js';
import { pathProblem } from './paths.js';
import { BlobReader } from './blobs.js';

export interface TreeEntry {
  readonly path: Buffer;
  readonly mode: string;
  readonly blob: string;
  readonly size: number;
}

export interface Skipped {
  readonly path: string;
  readonly reason: string;
}

/** Files above this size are not laid out; they are reported. */
const MAX_FILE = 50 * 1024 * 1024;
const MAX_FILES = 300_000;

/** All entries of a tree, recursively. Names are bytes: they need not be text. */
export async function listTree(context: GitContext, tree: string): Promise<TreeEntry[]> {
  const out = await git(context, ['ls-tree', '-r', '-z', '--long', '--full-tree', tree]);
  const entries: TreeEntry[] = [];
  for (let at = 0; at < out.length; ) {
    const end = out.indexOf(0, at);
    const tab = out.indexOf(9, at);
    const [mode, , blob, size] = out.subarray(at, tab).toString('latin1').split(/ +/);
    entries.push({ mode: mode as string, blob: blob as string, size: size === '-' ? 0 : Number(size), path: out.subarray(tab + 1, end) });
    at = end + 1;
  }
  return entries;
}

/**
 * Lays a tree out at `folder/<tree id>` once and returns that folder, which is never written again. Contents are read as raw
 * blobs: no attribute, filter, hook, smudge or export rule of the repository has any effect. What cannot or must not be laid
 * out (submodules, unsafe names, very large files) is left out and reported.
 */
export async function materialise(context: GitContext, tree: string, folder: string, owner: { readonly uid: number; readonly gid: number } | null): Promise<{ readonly path: string; readonly skipped: readonly Skipped[] }> {
  const entries = await listTree(context, tree);
  if (entries.length > MAX_FILES) throw new SallyportError('repo.unusable', `Cannot lay out tree ${tree}: it has ${entries.length} files, at most ${MAX_FILES} are taken`);
  const { wanted, skipped } = sift(entries);
  const target = join(folder, tree);
  if ((await stat(target).catch(() => null)) !== null) return { path: target, skipped };
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const draft = await mkdtemp(join(folder, '.draft-'));
  try {
    await chmod(draft, 0o755);
    await write(context, wanted, draft, owner);
    await rename(draft, target).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error; // another run was first: the same content
    });
    return { path: target, skipped };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function sift(entries: readonly TreeEntry[]): { wanted: TreeEntry[]; skipped: Skipped[] } {
  const wanted: TreeEntry[] = [];
  const skipped: Skipped[] = [];
  for (const entry of entries) {
    const reason = pathProblem(entry.path) ?? (entry.mode === '160000' ? 'submodule' : entry.size > MAX_FILE ? `larger than ${MAX_FILE} bytes (${entry.size})` : null);
    if (reason === null) wanted.push(entry);
    else skipped.push({ path: entry.path.toString('utf8'), reason });
  }
  return { wanted, skipped };
}

async function write(context: GitContext, entries: readonly TreeEntry[], root: string, owner: { uid: number; gid: number } | null): Promise<void> {
  const own = async (path: Buffer | string): Promise<void> => {
    if (owner !== null) await lchown(path, owner.uid, owner.gid);
  };
  await own(root);
  const made = new Set<string>();
  const folderOf = async (path: Buffer): Promise<void> => {
    const name = path.toString('latin1');
    if (made.has(name)) return;
    const cut = path.lastIndexOf(47);
    if (cut !== -1) await folderOf(path.subarray(0, cut));
    made.add(name);
    const full = Buffer.concat([Buffer.from(`${root}/`), path]);
    await mkdir(full, { mode: 0o755 });
    await own(full);
  };
  await using reader = await BlobReader.open(context);
  // Links last: while files are written no component of a path can be a link.
  for (const entry of [...entries].sort((a, b) => Number(a.mode === '120000') - Number(b.mode === '120000'))) {
    const cut = entry.path.lastIndexOf(47);
    if (cut !== -1) await folderOf(entry.path.subarray(0, cut));
    const full = Buffer.concat([Buffer.from(`${root}/`), entry.path]);
    const content = await reader.read(entry.blob);
    if (entry.mode === '120000') await symlink(content, full);
    else await writeFile(full, content, { flag: 'wx', mode: entry.mode === '100755' ? 0o755 : 0o644 });
    await own(full);
  }
}
