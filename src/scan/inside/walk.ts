import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import type { Notice } from '../../sarif/model.js';

/** Bounds of one walk. The tree is hostile: every one of them can be reached on purpose. */
export interface WalkLimits {
  /** Bytes of a file. */
  readonly fileBytes: number;
  /** Entries seen, folders and skipped ones too. */
  readonly entries: number;
  readonly depth: number;
  /** True when the time is up. */
  readonly late: () => boolean;
}
export interface WalkedFile {
  /** Relative to the root, with `/`; invalid UTF-8 shows as U+FFFD. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** `path` in the bytes of the file system, `shown` as text. */
interface Entry {
  readonly path: Buffer;
  readonly name: string;
  readonly shown: string;
  readonly depth: number;
}

/** Names that are never entered, whatever their kind. */
export const ALWAYS_EXCLUDED: readonly string[] = ['.git', 'node_modules'];

/**
 * Every regular file below `root`, in the order of their bytes. Symbolic links, FIFOs, sockets and devices are never opened;
 * everything that is left out is told to `note`, with the level `error` when the tree was not walked to its end.
 */
export function* walk(root: string, excluded: ReadonlySet<string>, limits: WalkLimits, note: (notice: Notice) => void): Generator<WalkedFile> {
  const stack: Entry[] = [{ path: Buffer.from(root), name: '', shown: '', depth: 0 }];
  let entries = 0;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (limits.late()) return note(stopped('time', `time is up before "${at.shown}"`));
    if (++entries > limits.entries) return note(stopped('entries', `more than ${limits.entries} entries`));
    const { path, shown, depth } = at;
    if (shown !== '' && excluded.has(at.name)) {
      note({ level: 'note', id: 'excluded', message: 'is left out by name', path: shown });
      continue;
    }
    const stat = attempt(() => lstatSync(path));
    if (stat instanceof Error) note({ level: 'error', id: 'unreadable', message: `cannot be looked at: ${codeOf(stat)}`, path: shown || null });
    else if (stat.isDirectory()) {
      if (depth > limits.depth) note({ level: 'error', id: 'too_deep', message: `folders nest deeper than ${limits.depth}`, path: shown });
      else pushChildren(stack, at, note);
    } else if (!stat.isFile()) note({ level: 'note', id: kindOf(stat), message: `a ${kindOf(stat)} is not opened`, path: shown });
    else if (stat.size > limits.fileBytes) note({ level: 'note', id: 'too_large', message: `${stat.size} bytes, at most ${limits.fileBytes} are scanned`, path: shown });
    else {
      const bytes = attempt(() => readRegular(path, limits.fileBytes));
      if (bytes instanceof Error) note({ level: 'error', id: 'unreadable', message: `cannot be read: ${codeOf(bytes)}`, path: shown });
      else yield { path: shown, bytes };
    }
  }
}

function pushChildren(stack: Entry[], at: Entry, note: (notice: Notice) => void): void {
  const names = attempt(() => readdirSync(at.path, { encoding: 'buffer' }));
  if (names instanceof Error) {
    note({ level: 'error', id: 'unreadable', message: `cannot be listed: ${codeOf(names)}`, path: at.shown || null });
    return;
  }
  // Reversed, because the stack gives the last one first.
  for (const raw of names.sort(Buffer.compare).reverse()) {
    const name = raw.toString('utf8');
    stack.push({ path: Buffer.concat([at.path, Buffer.from('/'), raw]), name, shown: at.shown === '' ? name : `${at.shown}/${name}`, depth: at.depth + 1 });
  }
}

/**
 * The file that walk() would give for `path`, or null: nothing below a link, nothing over the limit, nothing that is no regular file.
 */
export function readWithin(root: string, path: string, limits: Pick<WalkLimits, 'fileBytes'>): Buffer | null {
  const parts = path.split('/');
  if (parts.some((part) => part === '..' || part === '.' || part === '' || part.includes('\0'))) return null;
  const file = attempt(() => {
    let at = root;
    for (const [i, part] of parts.entries()) {
      at = `${at}/${part}`;
      const stat = lstatSync(at);
      if (i < parts.length - 1 ? !stat.isDirectory() : !stat.isFile() || stat.size > limits.fileBytes) return null;
    }
    return readRegular(Buffer.from(at), limits.fileBytes);
  });
  return file instanceof Error ? null : file;
}

/** Opened without following a link and without waiting for a FIFO's writer; what was opened is looked at again. */
function readRegular(path: Buffer, most: number): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('not a regular file any more');
    const buffer = Buffer.alloc(Math.min(stat.size, most) + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < buffer.length; length += got) got = readSync(fd, buffer, length, buffer.length - length, null);
    if (length === buffer.length) throw new Error('grew while it was read');
    return buffer.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

function kindOf(stat: ReturnType<typeof lstatSync>): string {
  if (stat?.isSymbolicLink() === true) return 'symlink';
  if (stat?.isFIFO() === true) return 'fifo';
  return stat?.isSocket() === true ? 'socket' : 'device';
}

function stopped(id: string, why: string): Notice {
  return { level: 'error', id, message: `The scan stopped: ${why}.`, path: null };
}

function attempt<T>(act: () => T): T | Error {
  try {
    return act();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
