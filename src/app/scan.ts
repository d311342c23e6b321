import { constants } from 'node:fs';
import { chmod, chown, copyFile, lstat, mkdir, mkdtemp, opendir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { SallyportError } from '../protocol/errors.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import { newId } from '../protocol/ids.js';
import { removeTree } from '../sandbox/layer.js';
import { parseSarif, type SarifReport } from '../sarif/parse.js';
import type { App } from './app.js';

export interface ScanRequest {
  /** Folders and files, relative to the working folder. */
  readonly paths: readonly string[];
  /** Each file by itself, taken for a part of a program that is not shown. Default: only where files alone are named. */
  readonly fragment: boolean | null;
  readonly signal: AbortSignal;
}

export interface Scanned {
  readonly mode: 'package' | 'fragment';
  readonly report: SarifReport;
  /** The log as the scanner wrote it. */
  readonly sarif: string;
}

const LIMITS = { entries: 200_000, depth: 100, bytes: 2 * 1024 ** 3 };
const SCAN_MS = 300_000;
const OUTPUT = 64 * 1024 * 1024;
const SKIPPED: ReadonlySet<string> = new Set(['.git', 'node_modules']);

/**
 * Runs the scanner over folders and files as they lie there, committed or not: copies of their regular files (links are not followed), in a sandbox of its own without a
 * route. Nothing of it is on the log. Throws `input.invalid` for what is not there, `scan.failed` when the scanner did not end well.
 */
export async function scanPaths(app: App, { paths, fragment, signal }: ScanRequest): Promise<Scanned> {
  const roots = await Promise.all(paths.map((path) => rootOf(app, path)));
  const mode = (fragment ?? roots.every((root) => !root.folder)) ? 'fragment' : 'package';
  const draft = await mkdtemp(join(app.folders.trees, '.draft-scan-'));
  try {
    await chmod(draft, 0o755);
    const tree = join(draft, 'tree');
    await mkdir(tree, { mode: 0o755 });
    const copy = new Copy(app.equipment.owner, signal);
    const alone = roots.length === 1 && roots[0]?.folder === true;
    for (const [i, { path, folder }] of roots.entries()) await copy.add(path, alone ? tree : join(tree, nameOf(roots.map((one) => one.path), i)), folder);
    const { result } = await app.equipment.driver.once(
      { id: newId('sb'), phase: 'scan', demanded: ALWAYS_DEMANDED, workspace: { lowers: [tree], layer: null }, mounts: [], egressSocket: null, scratch: null, limits: { memory: 4096, pids: 64, cpus: 2 }, variables: {} },
      { argv: ['/opt/sallyport/node', '/opt/sallyport/scan.cjs', '/workspace', ...(mode === 'fragment' ? ['--fragment'] : [])], env: { NODE_PATH: '/opt/sallyport/node_modules' }, timeout: SCAN_MS, maxOutput: OUTPUT, signal },
    );
    signal.throwIfAborted();
    if (result.reason !== 'exited' || result.exit !== 0) throw new SallyportError('scan.failed', `The scanner ended by ${result.reason}, exit ${result.exit ?? 'none'}: ${result.stderr.toString('utf8').slice(-400)}`);
    const sarif = result.stdout.toString('utf8');
    return { mode, report: parseSarif(sarif, { length: OUTPUT, results: 20_000 }), sarif };
  } finally {
    await removeTree(draft);
  }
}

interface Root {
  readonly path: string;
  readonly folder: boolean;
}

async function rootOf(app: App, text: string): Promise<Root> {
  const path = resolve(app.cwd, text);
  const stat = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    throw new SallyportError('input.invalid', `Cannot scan "${text}": ${error.code === 'ENOENT' ? 'there is no such file or folder' : (error.code ?? error.message)}`);
  });
  if (!stat.isDirectory() && !stat.isFile()) throw new SallyportError('input.invalid', `Cannot scan "${text}": it is neither a folder nor a regular file`);
  return { path, folder: stat.isDirectory() };
}

/** Its own name, with a number where another one has it too. */
function nameOf(paths: readonly string[], index: number): string {
  const name = basename(paths[index] ?? '');
  const before = paths.slice(0, index).filter((path) => basename(path) === name).length;
  return before === 0 ? name : `${before + 1}-${name}`;
}

/** Copies regular files, within bounds, for the sandbox's user to read. */
class Copy {
  readonly #owner: { readonly uid: number; readonly gid: number } | null;
  readonly #signal: AbortSignal;
  #entries = 0;
  #bytes = 0;

  constructor(owner: { readonly uid: number; readonly gid: number } | null, signal: AbortSignal) {
    this.#owner = owner;
    this.#signal = signal;
  }

  async add(from: string, to: string, folder: boolean, depth = 0): Promise<void> {
    this.#signal.throwIfAborted();
    if (++this.#entries > LIMITS.entries || depth > LIMITS.depth) throw new SallyportError('input.invalid', `Cannot scan "${from}": at most ${LIMITS.entries} entries, ${LIMITS.depth} deep, are scanned at once`);
    if (folder) await this.#folder(from, to, depth);
    else await this.#file(from, to);
  }

  async #folder(from: string, to: string, depth: number): Promise<void> {
    if (depth > 0) await mkdir(to, { mode: 0o755 });
    else await mkdir(to, { recursive: true, mode: 0o755 });
    for await (const entry of await opendir(from)) {
      if (SKIPPED.has(entry.name)) continue;
      if (entry.isDirectory() || entry.isFile()) await this.add(join(from, entry.name), join(to, entry.name), entry.isDirectory(), depth + 1);
    }
    await this.#give(to, 0o755);
  }

  async #file(from: string, to: string): Promise<void> {
    const { size } = await lstat(from);
    if ((this.#bytes += size) > LIMITS.bytes) throw new SallyportError('input.invalid', `Cannot scan "${from}": more than ${LIMITS.bytes / 1024 ** 3} GiB at once`);
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    await this.#give(to, 0o644);
  }

  async #give(path: string, mode: number): Promise<void> {
    await chmod(path, mode);
    if (this.#owner !== null) await chown(path, this.#owner.uid, this.#owner.gid);
  }
}
