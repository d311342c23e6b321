import { createHash } from 'node:crypto';
import { SallyportError } from '../protocol/errors.js';
import { type GitContext, git, tryGit } from './command.js';
import { pathProblem } from './paths.js';
import type { Skipped } from './tree.js';

/** One piece of a change as it left the sandbox: data only. */
export type ChangeEntry =
  | { readonly kind: 'file'; readonly path: Buffer; readonly mode: '100644' | '100755'; readonly data: Buffer }
  | { readonly kind: 'link'; readonly path: Buffer; readonly data: Buffer }
  | { readonly kind: 'delete'; readonly path: Buffer };

export interface ChangedFile {
  readonly path: string;
  readonly status: 'added' | 'modified' | 'deleted';
  /** Mode after the change; before it, for a deletion. */
  readonly mode: string;
  /** Digest of the content after the change, null for a deletion. */
  readonly blob: string | null;
}

export interface ImportedChange {
  readonly commit: string;
  readonly tree: string;
  readonly patch: Buffer;
  readonly files: readonly ChangedFile[];
  readonly skipped: readonly Skipped[];
}

/**
 * Writes a change into the mirror as one commit on top of `base`, through `git fast-import`: no working tree, index,
 * attribute, filter or ignore rule takes part. The commit's identity and time are fixed, so the same change on the same base
 * is the same commit. Unsafe paths are left out and reported.
 */
export async function importChange(context: GitContext, base: string, entries: readonly ChangeEntry[], ref: string): Promise<ImportedChange> {
  if (!/^refs\/sallyport\/[\w/-]+$/.test(ref)) throw new SallyportError('internal.bug', `Cannot import a change to ${ref}`);
  const skipped: Skipped[] = [];
  const safe = entries.filter((entry) => {
    const problem = pathProblem(entry.path);
    if (problem !== null) skipped.push({ path: entry.path.toString('utf8'), reason: problem });
    return problem === null;
  });
  await git(context, ['fast-import', '--quiet', '--done', '--force'], { stdin: stream(base, safe, ref) });
  const commit = (await git(context, ['rev-parse', '--verify', `${ref}^{commit}`])).toString('latin1').trim();
  return { commit, skipped, ...(await describe(context, base, commit)) };
}

/** Tree, patch and changed files between two commits. */
export async function describe(context: GitContext, base: string, head: string): Promise<Pick<ImportedChange, 'tree' | 'patch' | 'files'>> {
  const plain = ['diff-tree', '-r', '--no-ext-diff', '--no-textconv', '--no-renames', '--ignore-submodules=none'];
  const [tree, patch, raw] = await Promise.all([
    git(context, ['rev-parse', '--verify', '--end-of-options', `${head}^{tree}`]),
    git(context, [...plain, '-p', '--binary', '--full-index', base, head]),
    git(context, [...plain, '--raw', '-z', '--no-abbrev', base, head]),
  ]);
  return { tree: tree.toString('latin1').trim(), patch, files: parseRaw(raw) };
}

/** `git diff-tree --raw -z`: `:mode mode sha sha status NUL path NUL …` */
function parseRaw(raw: Buffer): ChangedFile[] {
  const fields = raw.toString('utf8').split('\0');
  const files: ChangedFile[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [oldMode, newMode, , newBlob, letter] = (fields[i] as string).slice(1).split(' ');
    const status = letter === 'A' ? 'added' : letter === 'D' ? 'deleted' : 'modified';
    files.push({ path: fields[i + 1] as string, status, mode: (status === 'deleted' ? oldMode : newMode) as string, blob: status === 'deleted' ? null : (newBlob as string) });
  }
  return files;
}

/** The fast-import stream (git-fast-import(1), "Input Format"). */
function stream(base: string, entries: readonly ChangeEntry[], ref: string): Buffer {
  const parts: (string | Buffer)[] = [];
  const operations: Buffer[] = [];
  // Deletions first: a folder that became a file, or the other way round, is then right in any order.
  const ordered = [...entries].sort((a, b) => Number(a.kind !== 'delete') - Number(b.kind !== 'delete'));
  ordered.forEach((entry, i) => {
    if (entry.kind === 'delete') return operations.push(Buffer.concat([Buffer.from('D '), quote(entry.path), Buffer.from('\n')]));
    parts.push(`blob\nmark :${i + 1}\ndata ${entry.data.length}\n`, entry.data, '\n');
    operations.push(Buffer.concat([Buffer.from(`M ${entry.kind === 'link' ? '120000' : entry.mode} :${i + 1} `), quote(entry.path), Buffer.from('\n')]));
  });
  parts.push(`commit ${ref}\ncommitter sallyport <sallyport@localhost> 0 +0000\ndata 9\nsallyport\nfrom ${base}\n`, ...operations, '\ndone\n');
  return Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p) : p)));
}

/** A path in C quotes: every byte that is not plain is octal. */
function quote(path: Buffer): Buffer {
  let out = '"';
  for (const byte of path) out += byte === 34 || byte === 92 || byte < 32 || byte > 126 ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte);
  return Buffer.from(`${out}"`);
}

/** `sha256:` digest of bytes, for file contents on the log. */
export function contentDigest(data: Buffer): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** A plain file of a commit, or null when there is none. At most `limit` bytes, else `repo.unusable`. */
export async function readEntryAt(context: GitContext, commit: string, path: string, limit = 1024 * 1024): Promise<{ readonly mode: '100644' | '100755'; readonly data: Buffer } | null> {
  const listed = await git(context, ['ls-tree', '-z', '--long', '--full-tree', commit, '--', path]);
  const match = /^(100644|100755) blob ([0-9a-f]+) +(\d+)\t/.exec(listed.toString('utf8'));
  if (match === null) return null;
  if (Number(match[3]) > limit) throw new SallyportError('repo.unusable', `Cannot read ${path}: it has ${match[3]} bytes, at most ${limit} are read`);
  return { mode: match[1] as '100644' | '100755', data: await git(context, ['cat-file', 'blob', match[2] as string]) };
}

/** Content of one file of a commit, or null when there is none. At most `limit` bytes, else `repo.unusable`. */
export async function readFileAt(context: GitContext, commit: string, path: string, limit?: number): Promise<Buffer | null> {
  return (await readEntryAt(context, commit, path, limit))?.data ?? null;
}

/** Which of `paths` the .gitignore files of the laid-out base ignore. Only the trusted tree's rules are asked. */
export async function ignoredBy(context: GitContext, baseTree: string, paths: readonly Buffer[]): Promise<Set<string>> {
  if (paths.length === 0) return new Set();
  const result = await tryGit(context, ['check-ignore', '-z', '--stdin', '--no-index'], {
    literalPaths: false, stdin: Buffer.concat(paths.flatMap((p) => [Buffer.from('./'), p, Buffer.from([0])])), env: { GIT_WORK_TREE: baseTree }, config: ['core.bare=false'], cwd: baseTree,
  });
  if (result.exit !== 0 && result.exit !== 1) throw new SallyportError('repo.unusable', `git check-ignore failed: ${result.stderr.toString('utf8').slice(0, 300)}`);
  return new Set(result.stdout.toString('latin1').split('\0').filter((p) => p !== '').map((p) => p.slice(2)));
}
