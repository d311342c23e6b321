import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SallyportError } from '../protocol/errors.js';
import { type GitContext, git, gitError, prepareGit, tryGit } from './command.js';
import type { Exceptions } from '../policy/addresses.js';
import { checkAddress, looksLikeUrl, parseUrl, type Source } from './url.js';

const FETCH_MS = 600_000;

export interface Mirror extends GitContext {
  /** Absolute folder or normalised URL: the name under which the repository is registered. */
  readonly locator: string;
}

/**
 * Finds what `text` means: an https URL, or the folder whose repository it lies in. Runs no git: a hostile repository's own
 * configuration is not read.
 */
export async function findSource(text: string, cwd: string, exceptions: Exceptions): Promise<Source> {
  if (looksLikeUrl(text)) {
    const url = parseUrl(text, exceptions);
    return { kind: 'https', url, address: await checkAddress(url, exceptions) };
  }
  const start = resolve(cwd, text);
  if (!(await stat(start).catch(() => null))?.isDirectory()) throw new SallyportError('repo.not_git', `Cannot use "${text}": there is no such folder`);
  for (let folder = start; ; folder = dirname(folder)) {
    if ((await stat(join(folder, '.git')).catch(() => null)) !== null || (await isBare(folder))) return { kind: 'folder', path: folder };
    if (dirname(folder) === folder) throw new SallyportError('repo.not_git', `Cannot use "${start}": it is not inside a git repository`, { hint: 'Name one with --repo, or make one: git init && git add -A && git commit' });
  }
}

async function isBare(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => []);
  return ['HEAD', 'objects', 'refs'].every((n) => names.includes(n));
}

/** Locator of a source: what registration, labels and policy know it by. */
export function locatorOf(source: Source): string {
  return source.kind === 'folder' ? source.path : source.url.href.replace(/\/$/, '').replace(/\.git$/, '');
}

/** Opens (and makes, the first time) the bare mirror of a source below `folder`. Nothing is fetched yet. */
export async function openMirror(folder: string, locator: string): Promise<Mirror> {
  const configFile = await prepareGit(folder);
  const gitDir = join(folder, `${createHash('sha256').update(locator).digest('hex').slice(0, 24)}.git`);
  const mirror = { gitDir, configFile, locator };
  if ((await stat(join(gitDir, 'HEAD')).catch(() => null)) === null) {
    await makeMirror(folder, mirror);
  }
  return mirror;
}

/** It appears whole or not at all, also when several make it at once. */
async function makeMirror(folder: string, mirror: Mirror): Promise<void> {
  const draft = await mkdtemp(join(folder, '.draft-'));
  try {
    await git({ ...mirror, gitDir: draft }, ['init', '--bare', '--quiet', '--template=', draft]);
    await rename(draft, mirror.gitDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error; // another was first
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Brings the mirror up to date. From a folder by its files, from a URL by https to the address that was checked. */
export async function updateMirror(mirror: Mirror, source: Source, signal?: AbortSignal): Promise<void> {
  const from = source.kind === 'folder' ? source.path : source.url.href;
  const refs = ['+HEAD:refs/source/HEAD', '+refs/heads/*:refs/source/heads/*', '+refs/tags/*:refs/source/tags/*'];
  const args = ['fetch', '--quiet', '--no-tags', '--prune', '--update-shallow', '--no-write-fetch-head', '--no-recurse-submodules', '--', from, ...refs];
  const pin = source.kind === 'https' ? [`http.curloptResolve=${source.url.hostname}:${source.url.port || (source.url.protocol === 'https:' ? '443' : '80')}:${source.address}`] : [];
  const result = await tryGit(mirror, args, {
    lock: `${mirror.gitDir}/sallyport.lock`, transports: [source.kind === 'folder' ? 'file' : source.url.protocol.slice(0, -1)], config: pin, timeout: FETCH_MS, ...(signal === undefined ? {} : { signal }),
  });
  if (result.exit === 0 && result.termination === 'exited') return;
  const text = result.stderr.toString('utf8');
  if (/couldn't find remote ref HEAD/.test(text)) throw new SallyportError('repo.empty', `Cannot use "${mirror.locator}": it has no commit yet`, { hint: 'Commit something first.' });
  if (/does not appear to be a git repository|not a git repository/.test(text)) throw new SallyportError('repo.not_git', `Cannot use "${mirror.locator}": git does not take it for a repository`);
  throw gitError(['fetch'], result);
}

/** The commit that a branch, tag, `HEAD` or commit id names in the source, and its tree. Throws `repo.unknown_ref`. */
export async function resolveRef(mirror: Mirror, ref: string): Promise<{ readonly commit: string; readonly tree: string }> {
  if (!/^[\w][\w./+@-]{0,250}$/.test(ref) || ref.includes('..') || ref.includes('@{')) throw new SallyportError('repo.unknown_ref', `Cannot use the ref ${JSON.stringify(ref)}: expected a branch, a tag or a commit id`);
  const names = /^[0-9a-f]{7,64}$/.test(ref) ? [ref, `refs/source/heads/${ref}`] : [`refs/source/${ref === 'HEAD' ? 'HEAD' : `heads/${ref}`}`, `refs/source/tags/${ref}`];
  for (const name of names) {
    const found = await tryGit(mirror, ['rev-parse', '--quiet', '--verify', '--end-of-options', `${name}^{commit}`]);
    if (found.exit !== 0) continue;
    const commit = found.stdout.toString('latin1').trim();
    return { commit, tree: (await git(mirror, ['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`])).toString('latin1').trim() };
  }
  throw new SallyportError('repo.unknown_ref', `Cannot find "${ref}" in ${mirror.locator}`, { hint: 'Name a branch, a tag or a commit that exists there.' });
}
