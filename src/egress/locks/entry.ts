import { SallyportError } from '../../protocol/errors.js';
import { type NamedPackage, PACKAGE_NAME, VERSION } from '../lockfile.js';

/** More than any project has; a lockfile with more is refused rather than worked on without end. */
export const MAX_LOCKED = 200_000;

/** A package of a lockfile that pnpm or yarn wrote, checked to be one of the registry. */
export function registryPackage(file: string, name: string, version: string, integrity?: string): NamedPackage {
  if (!VERSION.test(version) || version.length > 256 || !PACKAGE_NAME.test(name) || name.length > 214) throw notFetched(file, `${name}@${version}`, 'its name or version is not one of the registry');
  if (integrity !== undefined && !/^sha(1|256|384|512)-/.test(integrity)) throw notFetched(file, `${name}@${version}`, 'its integrity is of an unknown form');
  return { name, version, ...(integrity === undefined ? {} : { integrity }) };
}

export function notFetched(file: string, entry: string, why: string): SallyportError {
  return new SallyportError('setup.fetch_failed', `Cannot fetch "${entry.slice(0, 200)}": ${why}`, { hint: `Only packages of the registry are fetched, by what ${file} pins of them.` });
}

export function unreadable(file: string, why: string, cause?: unknown): SallyportError {
  return new SallyportError('setup.fetch_failed', `Cannot read ${file}: ${why}`, cause === undefined ? {} : { cause });
}

export function bounded<T>(file: string, entries: readonly T[]): readonly T[] {
  if (entries.length > MAX_LOCKED) throw unreadable(file, `it names ${entries.length} packages, more than ${MAX_LOCKED}`);
  return entries;
}
