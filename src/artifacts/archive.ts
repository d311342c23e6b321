import { unzipSync } from 'fflate';

/** One file of an archive, or why it is not read. */
export type ArchiveEntry = { readonly name: string; readonly body: Uint8Array } | { readonly name: string; readonly problem: string };

export interface ArchiveLimits {
  readonly entries: number;
  /** Bytes of one entry, and of all together, as they are when unpacked. */
  readonly entry: number;
  readonly total: number;
  /** Bytes that are unpacked at a time. */
  readonly batch: number;
}

const LIMITS: ArchiveLimits = { entries: 600_000, entry: 8 * 1024 * 1024, total: 4 * 1024 * 1024 * 1024, batch: 32 * 1024 * 1024 };

/** Walks through the directory that are spent on files that cannot be unpacked. */
const MAX_BAD = 1000;

interface Listed {
  readonly name: string;
  readonly size: number;
  readonly originalSize: number;
}

/**
 * The files of a zip archive (PKWARE APPNOTE 6.3), in batches so that never all of it is unpacked at once. Sizes are taken from the central
 * directory and bounded before anything is unpacked, and no file gets more memory than it announced: what is longer is cut there, what is
 * shorter is a problem. Throws an Error when the archive cannot be read or goes over the limits.
 */
export function* zipBatches(archive: Uint8Array, limits: ArchiveLimits = LIMITS): Generator<ArchiveEntry[]> {
  const listed: Listed[] = [];
  let total = 0;
  let packed = 0;
  unpack(archive, (file) => {
    if (listed.length >= limits.entries) throw new Error(`the archive has more than ${limits.entries} files`);
    total += file.originalSize <= limits.entry ? file.originalSize : 0;
    if (total > limits.total) throw new Error(`the archive unpacks to more than ${limits.total} bytes`);
    packed += file.size;
    if (packed > archive.length) throw new Error('files of the archive overlap');
    listed.push(file);
    return false;
  });
  const bad = { left: MAX_BAD };
  for (let start = 0; start < listed.length; ) {
    let end = start;
    for (let bytes = 0; end < listed.length && bytes < limits.batch; end++) bytes += Math.min((listed[end] as Listed).originalSize, limits.entry);
    yield batch(archive, listed, start, end, limits.entry, bad);
    start = end;
  }
}

function batch(archive: Uint8Array, listed: readonly Listed[], start: number, end: number, most: number, bad: { left: number }): ArchiveEntry[] {
  let at = -1;
  let bodies: Readonly<Record<string, Uint8Array>>;
  try {
    bodies = unpack(archive, (file) => ++at >= start && at < end && readable(file, most));
  } catch (error) {
    // One bad file spoils its batch. Halving finds it, at the price of a walk through the directory each time; so there is an end to that.
    if (--bad.left < 0) throw new Error('too many files of the archive cannot be unpacked', { cause: error });
    if (end - start === 1) return [{ name: (listed[start] as Listed).name, problem: error instanceof Error ? error.message : String(error) }];
    const middle = start + Math.floor((end - start) / 2);
    return [...batch(archive, listed, start, middle, most, bad), ...batch(archive, listed, middle, end, most, bad)];
  }
  return listed.slice(start, end).flatMap((file): ArchiveEntry[] => {
    if (file.name.endsWith('/')) return [];
    if (file.originalSize > most) return [{ name: file.name, problem: `${file.originalSize} bytes, more than ${most}` }];
    const body = Object.hasOwn(bodies, file.name) ? bodies[file.name] : undefined;
    if (body === undefined || body.length !== file.originalSize) return [{ name: file.name, problem: 'it does not have the size that the archive names' }];
    return [{ name: file.name, body }];
  });
}

function readable(file: Listed, most: number): boolean {
  return !file.name.endsWith('/') && file.originalSize <= most;
}

function unpack(archive: Uint8Array, filter: (file: Listed) => boolean): Readonly<Record<string, Uint8Array>> {
  try {
    return unzipSync(archive, { filter });
  } catch (error) {
    throw error instanceof Error && error.message !== '' ? error : new Error('not a zip archive', { cause: error });
  }
}
