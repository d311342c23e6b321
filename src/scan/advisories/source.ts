import { type Dirent, constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SallyportError } from '../../protocol/errors.js';
import { type ArchiveEntry, zipBatches } from '../../artifacts/archive.js';
import { type OsvRecord, readOsv } from './osv.js';

/** The advisories that are known in a run, and how far they can be relied on. */
export interface AdvisorySet {
  /** Where they come from, for the person. */
  readonly source: string;
  /** Without withdrawn ones. */
  readonly records: readonly OsvRecord[];
  /** What could not be read: it may name a package that is used. At most 20 names. */
  readonly malformed: { readonly count: number; readonly names: readonly string[] };
  /** Newest `modified` of all records, ISO 8601; null when there is none. */
  readonly newest: string | null;
  /** When this data was got from where it comes from, ISO 8601. */
  readonly loadedAt: string;
  /** Why a copy is used in place of the source; null when the source itself answered. */
  readonly stale: string | null;
}

export interface AdvisoryFile {
  readonly path: string;
  readonly body: Buffer;
}

const MAX_FILES = 300_000;
const MAX_FILE = 512 * 1024 * 1024;
const MAX_RECORD = 8 * 1024 * 1024;
const MAX_DEPTH = 12;
const NAMED = 20;
/** After so many bytes the event loop gets its turn: the caller's lease is renewed on it. */
const TURN = 4 * 1024 * 1024;

/**
 * Reads OSV records: a `.json` file is one record or a list of them, a `.jsonl` file one record a line, a `.zip` file holds `.json` files.
 * Other files are passed over. What cannot be read is counted and named; nothing else fails for it. `now` is when the data was got.
 */
export async function fromFiles(source: string, files: Iterable<AdvisoryFile> | AsyncIterable<AdvisoryFile>, now: Date = new Date()): Promise<AdvisorySet> {
  const reader = new Reader();
  for await (const file of files) {
    if (file.path.endsWith('.zip')) await reader.archive(file);
    else if (file.path.endsWith('.jsonl')) await reader.lines(file);
    else if (file.path.endsWith('.json')) await reader.json(file.path, file.body);
  }
  return { source, ...reader.result(), loadedAt: now.toISOString(), stale: null };
}

/**
 * Every advisory file below a folder. Symbolic links are not followed. Throws `advisories.unavailable` when the folder cannot be
 * read or holds more than is taken.
 */
export async function fromFolder(folder: string, source: string = folder, now: Date = new Date()): Promise<AdvisorySet> {
  return await fromFiles(source, walk(folder, 0, { left: MAX_FILES }), now);
}

/** Whole days between the newest record and `now`; null when there is no record. */
export function ageDays(set: Pick<AdvisorySet, 'newest'>, now: Date): number | null {
  return set.newest === null ? null : Math.max(0, Math.floor((now.getTime() - Date.parse(set.newest)) / 86_400_000));
}

class Reader {
  readonly #records: OsvRecord[] = [];
  readonly #names: string[] = [];
  #malformed = 0;
  #newest: string | null = null;
  #sinceTurn = 0;

  async archive(file: AdvisoryFile): Promise<void> {
    try {
      for (const batch of zipBatches(file.body)) {
        for (const entry of batch) await this.#entry(file.path, entry);
      }
    } catch (error) {
      this.#bad(file.path, error instanceof Error ? error.message : String(error));
    }
  }

  async #entry(archive: string, entry: ArchiveEntry): Promise<void> {
    if ('problem' in entry) this.#bad(`${archive}:${entry.name}`, entry.problem);
    else if (entry.name.endsWith('.json')) await this.json(`${archive}:${entry.name}`, entry.body);
  }

  async lines(file: AdvisoryFile): Promise<void> {
    let start = 0;
    for (let line = 1; start < file.body.length; line++) {
      const at = file.body.indexOf(10, start);
      const end = at === -1 ? file.body.length : at;
      const piece = file.body.subarray(start, end);
      if (piece.some((byte) => byte > 32)) await this.json(`${file.path}:${line}`, piece);
      start = end + 1;
    }
  }

  async json(name: string, body: Uint8Array): Promise<void> {
    this.#sinceTurn += body.length;
    if (this.#sinceTurn > TURN) {
      this.#sinceTurn = 0;
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
    } catch {
      this.#bad(name, 'not JSON');
      return;
    }
    if (Array.isArray(value)) value.forEach((one, i) => void this.#record(`${name}[${i}]`, one));
    else this.#record(name, value);
  }

  #record(name: string, value: unknown): void {
    const read = readOsv(value);
    if ('problem' in read) return this.#bad(name, read.problem);
    const { record } = read;
    const time = new Date(record.modified).toISOString();
    if (this.#newest === null || time > this.#newest) this.#newest = time;
    if (record.withdrawn === null || record.withdrawn === undefined) this.#records.push(record);
  }

  #bad(name: string, problem: string): void {
    this.#malformed++;
    if (this.#names.length < NAMED) this.#names.push(`${name.slice(-300)}: ${problem}`);
  }

  result(): Pick<AdvisorySet, 'records' | 'malformed' | 'newest'> {
    return { records: this.#records, malformed: { count: this.#malformed, names: this.#names }, newest: this.#newest };
  }
}

async function* walk(folder: string, depth: number, budget: { left: number }): AsyncGenerator<AdvisoryFile> {
  let entries: Dirent[];
  try {
    entries = (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw unavailable(`Cannot read the advisories in "${folder}"`, cause);
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (depth >= MAX_DEPTH) throw unavailable(`Cannot read the advisories in "${path}": more than ${MAX_DEPTH} folders deep`);
      yield* walk(path, depth + 1, budget);
    } else if (entry.isFile() && /\.(json|jsonl|zip)$/.test(entry.name)) {
      if (--budget.left < 0) throw unavailable(`Cannot read the advisories: more than ${MAX_FILES} files`);
      yield { path, body: await readPlain(path) };
    }
  }
}

/** Reads a plain file; what became a link, a pipe or a device since it was listed is refused. */
async function readPlain(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size } = await file.stat().then((s) => (s.isFile() ? s : Promise.reject(new Error('not a plain file'))));
    const limit = path.endsWith('.json') ? MAX_RECORD * 8 : MAX_FILE;
    if (size > limit) throw new Error(`${size} bytes, more than ${limit}`);
    return await file.readFile();
  } catch (cause) {
    throw unavailable(`Cannot read the advisories in "${path}"`, cause);
  }
}

function unavailable(message: string, cause?: unknown): SallyportError {
  return new SallyportError('advisories.unavailable', cause instanceof Error ? `${message}: ${cause.message}` : message, { cause });
}
