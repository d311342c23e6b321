import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, mkdtemp, readFile, readlink, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SallyportError } from '../protocol/errors.js';
import { BlobReader } from './blobs.js';
import type { ChangedFile } from './change.js';
import { type GitContext, git, tryGit } from './command.js';
import { pathProblem } from './paths.js';
import { listTree } from './tree.js';

/**
 * Tracked files of a person's working tree that differ from `commit`, and how many files are not tracked. Uses the mirror's
 * git directory and an index of its own, so that the repository's configuration (monitors, filters, hooks) has no effect.
 */
export async function dirtyFiles(context: GitContext, folder: string, commit: string, scratch: string): Promise<{ readonly changed: string[]; readonly untracked: number }> {
  const at = await mkdtemp(join(scratch, 'index-'));
  try {
    const options = { env: { GIT_WORK_TREE: folder, GIT_INDEX_FILE: join(at, 'index') }, config: ['core.bare=false'] };
    await git(context, ['read-tree', commit], options);
    await tryGit(context, ['update-index', '-q', '--refresh'], options); // exit 1 = something differs
    const changed = await git(context, ['diff-files', '-z', '--name-only', '--ignore-submodules=all', '--no-ext-diff', '--no-textconv'], options);
    const untracked = await git(context, ['ls-files', '-z', '--others', '--exclude-standard', '--directory', '--no-empty-directory'], { ...options, cwd: folder });
    return { changed: split(changed), untracked: split(untracked).filter((p) => !p.startsWith('.git/')).length };
  } finally {
    await rm(at, { recursive: true, force: true });
  }
}

function split(list: Buffer): string[] {
  return list.toString('utf8').split('\0').filter((p) => p !== '');
}

/**
 * Lays a change into a person's working tree. First every touched file is compared with the base: one that differs is a
 * conflict, and then nothing at all is written. A file that has the new content already is left alone. No git runs in the
 * tree; links are never followed. Returns the paths that were written.
 */
export async function applyChange(context: GitContext, folder: string, base: string, head: string, files: readonly ChangedFile[]): Promise<string[]> {
  const before = new Map((await listTree(context, base)).map((e) => [e.path.toString('utf8'), e]));
  const after = new Map((await listTree(context, head)).map((e) => [e.path.toString('utf8'), e]));
  const conflicts: string[] = [];
  const todo: ChangedFile[] = [];
  for (const file of files) {
    const problem = pathProblem(Buffer.from(file.path));
    if (problem !== null) throw new SallyportError('apply.conflict', `Cannot apply "${file.path}": ${problem}`);
    const now = await stateOf(folder, file.path);
    if (same(now, after.get(file.path) ?? null)) continue;
    if (same(now, before.get(file.path) ?? null)) todo.push(file);
    else conflicts.push(file.path);
  }
  if (conflicts.length > 0) {
    throw new SallyportError('apply.conflict', `Cannot apply the change: ${conflicts.length === 1 ? 'this file differs' : 'these files differ'} from the base in ${folder}: ${conflicts.join(', ')}`, { hint: 'Commit or undo your own edits there, or apply the patch by hand: sallyport diff TASK | git apply -3' });
  }
  const draft = await mkdtemp(join(folder, '.sallyport-apply-'));
  try {
    const ready = await stageFiles(context, draft, todo.filter((f) => f.status !== 'deleted'), after);
    for (const file of todo.filter((f) => f.status === 'deleted')) await unlink(join(folder, file.path));
    for (const [path, staged] of ready) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await rename(staged, join(folder, path));
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return todo.map((f) => f.path);
}

interface Entry {
  readonly mode: string;
  readonly blob: string;
}

/** Everything is written next to its place first, so that a full disk leaves the tree as it was. */
async function stageFiles(context: GitContext, draft: string, files: readonly ChangedFile[], after: ReadonlyMap<string, Entry>): Promise<[string, string][]> {
  const ready: [string, string][] = [];
  await using reader = await BlobReader.open(context);
  for (const [i, file] of files.entries()) {
    const entry = after.get(file.path);
    if (entry === undefined || entry.mode === '160000') continue;
    const content = await reader.read(entry.blob);
    const staged = join(draft, String(i));
    if (entry.mode === '120000') await symlink(content, staged);
    else {
      await writeFile(staged, content, { flag: 'wx' });
      await chmod(staged, entry.mode === '100755' ? 0o755 : 0o644);
    }
    ready.push([file.path, staged]);
  }
  return ready;
}

/** Mode and blob id of what stands at a path; `odd` when a parent is a link or it is neither file nor link. */
async function stateOf(folder: string, path: string): Promise<Entry | null | 'odd'> {
  const parts = path.split('/');
  for (let i = 1; i < parts.length; i++) {
    const parent = await lstat(join(folder, ...parts.slice(0, i))).catch(() => null);
    if (parent === null) return null;
    if (!parent.isDirectory()) return 'odd';
  }
  const full = join(folder, path);
  const info = await lstat(full).catch(() => null);
  if (info === null) return null;
  if (info.isSymbolicLink()) return { mode: '120000', blob: blobId(await readlink(full, { encoding: 'buffer' })) };
  if (!info.isFile()) return 'odd';
  return { mode: (info.mode & 0o100) === 0 ? '100644' : '100755', blob: blobId(await readFile(full)) };
}

function blobId(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

function same(now: Entry | null | 'odd', wanted: Entry | null): boolean {
  if (now === 'odd') return false;
  if (now === null || wanted === null) return now === wanted;
  return now.blob === wanted.blob && now.mode === wanted.mode;
}
