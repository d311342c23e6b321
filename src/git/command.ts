import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SallyportError } from '../protocol/errors.js';
import { type ChildProcess, type ProcessResult, run, start } from '../process/spawn.js';

/**
 * The only way in which Sallyport calls git. No configuration of the machine, the user or the repository is read; no hook,
 * pager, editor, prompt, file-system monitor or credential helper can run; no transport is allowed unless named.
 */
export interface GitContext {
  /** A bare repository that Sallyport made itself. Never a repository that somebody else can write. */
  readonly gitDir: string;
  /** State folder that holds the empty, trusted configuration. */
  readonly configFile: string;
}

export interface GitOptions {
  readonly stdin?: Buffer | string;
  readonly timeout?: number;
  readonly maxOutput?: number;
  readonly signal?: AbortSignal;
  /** Transports that this one call may use, e.g. `file` or `https`. None by default. */
  readonly transports?: readonly string[];
  readonly config?: readonly string[];
  /** Folder that git starts in; only a trusted, laid-out tree. Default `/`. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Paths are patterns' plain text everywhere but in the one command that does not know the option. */
  readonly literalPaths?: boolean;
  /** A file whose lock git holds while it runs, and waits for: two that update the same refs at once break each other. */
  readonly lock?: string;
}

const CONFIG = [
  'core.hooksPath=/dev/null', 'core.fsmonitor=false', 'core.attributesFile=/dev/null', 'core.excludesFile=/dev/null', 'core.untrackedCache=false',
  'core.autocrlf=false', 'core.symlinks=true', 'core.protectHFS=true', 'core.protectNTFS=true', 'core.quotePath=false', 'diff.ignoreSubmodules=all',
  'submodule.recurse=false', 'fetch.recurseSubmodules=no', 'gc.auto=0', 'maintenance.auto=false', 'credential.helper=', 'http.followRedirects=false',
];

const PROGRAM = 'git';
const SAFE = '[safe]\n\tdirectory = *\n';

/** Writes the trusted configuration once. `safe.directory` must stand in a file, or the child that reads a local repository refuses it. */
export async function prepareGit(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const file = join(folder, 'config');
  if ((await readFile(file, 'utf8').catch(() => null)) === SAFE) return file;
  // Whole or not at all: another process's git may read it at this moment.
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`;
  await writeFile(draft, SAFE, { mode: 0o644 });
  await rename(draft, file);
  return file;
}

/** Runs git and returns its result, whatever the exit code. */
export async function tryGit(context: GitContext, args: readonly string[], options: GitOptions = {}): Promise<ProcessResult> {
  const lock = options.lock === undefined ? [] : ['flock', '--no-fork', options.lock];
  const result = await run([...lock, ...argv(args, options)], {
    cwd: options.cwd ?? '/',
    env: environment(context, options),
    timeout: options.timeout ?? 60_000,
    maxOutput: options.maxOutput ?? 512 * 1024 * 1024,
    ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  }).catch(missing);
  if (/^flock: failed to execute/.test(result.stderr.toString('latin1'))) throw noGit();
  return result;
}

/** Starts a git that its caller talks to; the caller ends it. */
export function startGit(context: GitContext, args: readonly string[], options: GitOptions = {}): Promise<ChildProcess> {
  return start(argv(args, options), { cwd: '/', env: environment(context, options), stdio: ['pipe', 'pipe', 'ignore'] }).catch(missing);
}

function argv(args: readonly string[], options: GitOptions): string[] {
  return [PROGRAM, '--no-pager', ...(options.literalPaths === false ? [] : ['--literal-pathspecs']), ...[...CONFIG, ...(options.config ?? [])].flatMap((c) => ['-c', c]), ...args];
}

function environment(context: GitContext, options: GitOptions): Record<string, string> {
  const transports = options.transports ?? [];
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent', LC_ALL: 'C',
    GIT_DIR: context.gitDir, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: context.configFile, GIT_ATTR_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false', SSH_ASKPASS: '/bin/false', GIT_OPTIONAL_LOCKS: '0', GIT_NO_REPLACE_OBJECTS: '1', GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: transports.length === 0 ? 'none' : transports.join(':'),
    ...options.env,
  };
}

function missing(error: unknown): never {
  if (error instanceof SallyportError && error.code === 'tool.missing') throw noGit(error);
  throw error;
}

function noGit(cause?: unknown): SallyportError {
  return new SallyportError('tool.missing', 'Cannot find git on this machine', { cause, hint: 'Install it: apt-get install git' });
}

/** Runs git and returns its standard output; throws `repo.unusable` unless it ended well. */
export async function git(context: GitContext, args: readonly string[], options: GitOptions = {}): Promise<Buffer> {
  const result = await tryGit(context, args, options);
  if (result.exit === 0 && result.termination === 'exited') return result.stdout;
  throw gitError(args, result);
}

export function gitError(args: readonly string[], result: ProcessResult): SallyportError {
  const why = result.termination === 'exited' ? `exit ${result.exit}` : result.termination;
  const text = result.stderr.toString('utf8').trim().slice(0, 600);
  const code = /No space left on device|Out of diskspace/.test(text) ? 'disk.full' : 'repo.unusable';
  return new SallyportError(code, `git ${args.find((a) => !a.startsWith('-')) ?? ''} failed (${why}): ${text}`);
}

/** What `git --version` says, or null when there is no git. For `doctor`. */
export async function gitVersion(path: string): Promise<string | null> {
  try {
    const result = await run([PROGRAM, '--version'], { env: { PATH: path, HOME: '/nonexistent' }, timeout: 15_000 });
    return result.exit === 0 ? result.stdout.toString('utf8').trim() : null;
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'tool.missing') return null;
    throw error;
  }
}
