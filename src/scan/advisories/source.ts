import { lstat, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { strFromU8, unzipSync } from 'fflate';
import { SallyportError } from '../../protocol/errors.js';
import { OsvRecord } from './osv.js';

/** Known advisories from one place. */
export interface AdvisorySet {
  /** Where they came from, for people. */
  readonly source: string;
  readonly records: readonly OsvRecord[];
  /** Records that are not of the form; the first ones are named. */
  readonly malformed: { readonly count: number; readonly named: readonly string[] };
  /** Date of the newest record, ISO 8601; null for an empty set. */
  readonly newest: string | null;
}

const MAX_BYTES = 1024 * 1024 * 1024;
const MAX_RECORDS = 500_000;
const DAY_MS = 86_400_000;

/** Whole days since the newest record changed; null for an empty set. */
export function ageDays(set: AdvisorySet, now: Date): number | null {
  return set.newest === null ? null : Math.max(0, Math.floor((now.getTime() - Date.parse(set.newest)) / DAY_MS));
}

/**
 * Reads records from files: `.json` (one record or a list), `.jsonl` (one a line), `.zip` (of `.json`, as OSV mirrors have them); other names are
 * passed over. A malformed record is counted and named, a withdrawn one left out. Throws `advisories.unavailable` for more than fits.
 */
export function fromFiles(source: string, files: Iterable<{ readonly path: string; readonly body: Buffer }>): AdvisorySet {
  const records: OsvRecord[] = [];
  const named: string[] = [];
  let malformed = 0;
  const bad = (where: string): void => {
    if (malformed++ < 10) named.push(where);
  };
  const take = (value: unknown, where: string): void => {
    const parsed = OsvRecord.safeParse(value);
    if (!parsed.success) bad(where);
    else if (parsed.data.withdrawn === undefined) records.push(parsed.data);
    if (records.length > MAX_RECORDS) throw unavailable(source, `it has more than ${MAX_RECORDS} records`);
  };
  for (const { path, body } of files) for (const { where, text, lines } of textsOf(source, path, body)) {
    for (const part of lines ? text.split('\n').filter((l) => l.trim() !== '') : [text]) {
      const value = parse(part);
      if (value === undefined) bad(where);
      else for (const one of Array.isArray(value) ? value : [value]) take(one, where);
    }
  }
  const newest = records.map((r) => r.modified).sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1) ?? null;
  return { source, records, malformed: { count: malformed, named }, newest };
}

function* textsOf(source: string, path: string, body: Buffer): Iterable<{ readonly where: string; readonly text: string; readonly lines: boolean }> {
  if (/\.jsonl?$/i.test(path)) yield { where: path, text: body.toString('utf8'), lines: /l$/i.test(path) };
  if (!/\.zip$/i.test(path)) return;
  let bytes = 0;
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(body, {
      filter: (file) => {
        if (!file.name.endsWith('.json')) return false;
        bytes += file.originalSize;
        if (bytes > MAX_BYTES) throw unavailable(source, `unpacked it has more than ${MAX_BYTES} bytes`);
        return true;
      },
    });
  } catch (cause) {
    throw cause instanceof SallyportError ? cause : unavailable(source, `"${path}" is not a readable zip file`, cause);
  }
  for (const [name, data] of Object.entries(entries)) yield { where: `${path}:${name}`, text: strFromU8(data), lines: false };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Reads a folder (with those inside; links are not followed) or one file. */
export async function fromFolder(path: string): Promise<AdvisorySet> {
  const files: { path: string; body: Buffer }[] = [];
  let bytes = 0;
  const visit = async (at: string): Promise<void> => {
    const info = await lstat(at).catch((cause: unknown) => {
      throw unavailable(path, `"${at}" cannot be read`, cause);
    });
    if (info.isDirectory()) for (const name of (await readdir(at)).sort()) await visit(join(at, name));
    else if (info.isFile() && /\.(jsonl?|zip)$/i.test(at)) {
      bytes += info.size;
      if (bytes > MAX_BYTES) throw unavailable(path, `it has more than ${MAX_BYTES} bytes`);
      files.push({ path: at, body: await readFile(at) });
    }
  };
  await visit(path);
  return fromFiles(path, files);
}

export interface MirrorOptions {
  readonly cacheFolder: string;
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds for the whole answer. Default 60,000. */
  readonly timeout?: number;
  /** Milliseconds for which a copy is used without asking. Default a day. */
  readonly maxAge?: number;
  readonly now?: () => Date;
}

/**
 * Reads a file of records from a mirror. A copy is kept; when the mirror cannot be reached the copy is used, and the age of its newest record
 * tells. Without a copy: `advisories.unavailable`, so that not knowing is never taken for *none*.
 */
export async function fromUrl(url: string, options: MirrorOptions): Promise<AdvisorySet> {
  const name = /\.(jsonl?|zip)$/i.exec(new URL(url).pathname)?.[0]?.toLowerCase();
  if (name === undefined) throw unavailable(url, 'its name ends in none of .json, .jsonl and .zip');
  const file = join(options.cacheFolder, `${createHash('sha256').update(url).digest('hex').slice(0, 32)}${name}`);
  const now = (options.now ?? (() => new Date()))().getTime();
  const kept = await lstat(file).catch(() => null);
  if (kept === null || now - kept.mtimeMs > (options.maxAge ?? DAY_MS)) {
    try {
      await download(url, file, options);
    } catch (cause) {
      if (kept === null) throw unavailable(url, 'it cannot be reached and there is no copy', cause);
    }
  }
  return fromFiles(url, [{ path: file, body: await readFile(file) }]);
}

async function download(url: string, file: string, options: MirrorOptions): Promise<void> {
  const response = await (options.fetch ?? globalThis.fetch)(url, { redirect: 'error', signal: AbortSignal.timeout(options.timeout ?? 60_000) });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  await mkdir(options.cacheFolder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.draft`;
  await writeFile(draft, Buffer.concat(chunks), { mode: 0o600 });
  await rename(draft, file);
}

function unavailable(source: string, why: string, cause?: unknown): SallyportError {
  return new SallyportError('advisories.unavailable', `Cannot use the advisories of ${source}: ${why}`, { hint: 'SALLYPORT_ADVISORIES names a folder, a file or a URL of OSV records (.json, .jsonl, .zip).', cause });
}
