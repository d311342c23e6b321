import { bounded, notFetched, unreadable } from './entry.js';
import { type Origin, registryOrigin } from './origin.js';
import { listOf, readToml, tableOf, textOf } from './python.js';

/** A crate of the registry that Cargo.lock pins. */
export interface LockedCrate {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of its file, in hexadecimal. */
  readonly checksum: string;
}

const FILE = 'Cargo.lock';
const NEWEST = 4;

export function isCrateName(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(text);
}

export function isCrateVersion(text: string): boolean {
  return text.length <= 256 && /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/.test(text);
}

/** The crates of the registry that Cargo.lock names. Those without a source are part of the tree; git and a second registry are refused by name. */
export function parseCargoLock(text: string): LockedCrate[] {
  const lock = readToml(FILE, text);
  const { version } = lock;
  if (version !== undefined && (typeof version !== 'number' || version > NEWEST)) throw unreadable(FILE, `expected version 3 or ${NEWEST}`);
  let registry: string | undefined;
  const locked = new Map<string, LockedCrate>();
  for (const entry of bounded(FILE, listOf(lock['package'])).map(tableOf)) {
    const [name, at, source, checksum] = [textOf(entry['name']) ?? '', textOf(entry['version']) ?? '', textOf(entry['source']), textOf(entry['checksum'])];
    if (!isCrateName(name) || !isCrateVersion(at)) throw notFetched(FILE, `${name} ${at}`, 'its name or version is not one of a registry');
    if (source === undefined) continue;
    if (!/^(?:registry|sparse)\+/.test(source)) throw notFetched(FILE, `${name} ${at}`, `it comes from ${source.slice(0, 200)}, which is no registry`);
    if ((registry ??= source) !== source) throw notFetched(FILE, `${name} ${at}`, 'it comes from a second registry');
    if (checksum === undefined || !/^[0-9a-f]{64}$/.test(checksum)) throw notFetched(FILE, `${name} ${at}`, 'no SHA-256 of it is in the lockfile');
    const key = `${name}@${at}`;
    if (locked.has(key)) throw unreadable(FILE, `it names ${key} twice`);
    locked.set(key, { name, version: at, checksum });
  }
  return [...locked.values()];
}

/** What Cargo.lock says of every crate that is no part of the tree. */
export function cargoOrigins(text: string): Origin[] {
  return bounded(FILE, listOf(readToml(FILE, text)['package'])).map(tableOf).flatMap((entry) => {
    const [name, version, source, checksum] = [textOf(entry['name']) ?? '', textOf(entry['version']) ?? '', textOf(entry['source']), textOf(entry['checksum'])];
    if (source === undefined) return [];
    const kind = /^(?:registry|sparse)\+/.test(source) ? 'registry' : source.startsWith('git+') ? 'git' : 'url';
    return [registryOrigin({ name, version }, { source: kind, address: source, digests: checksum === undefined ? [] : [`sha256:${checksum}`] })];
  });
}
