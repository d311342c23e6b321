import { SallyportError } from '../../protocol/errors.js';
import { readDigest } from '../pypi-digest.js';
import { projectName, sameVersion } from '../pypi-names.js';
import type { LockedProject } from '../pypi-rules.js';
import { parseToml, type TomlTable, type TomlValue } from '../toml.js';
import { bounded, notFetched, unreadable } from './entry.js';

/** What a lockfile of Python names, and what pip is asked for so that it ends with that. */
export interface PythonLock {
  readonly locked: readonly LockedProject[];
  /** Lines of a requirements file: names with extras, versions and markers. Nothing else, so nothing of it can lead anywhere. */
  readonly requirements: readonly string[];
}

const MAX_DIGESTS = 2000;

export function readToml(file: string, text: string): TomlTable {
  try {
    return parseToml(text);
  } catch (cause) {
    throw unreadable(file, `it is not TOML: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

/** A version of a lockfile, checked to be one of an index. `hashes` as they stand there, `sha256:HEX`. */
export function lockedProject(file: string, name: unknown, version: unknown, hashes: readonly unknown[]): LockedProject {
  const shown = `${String(name)} ${String(version)}`;
  const [project, same] = [typeof name === 'string' ? projectName(name) : null, typeof version === 'string' ? sameVersion(version) : null];
  if (project === null || same === null) throw notFetched(file, shown, 'its name or version is not one of an index');
  const digests = [...new Set(bounded(file, hashes).slice(0, MAX_DIGESTS).flatMap((hash) => (typeof hash === 'string' ? (readDigest(hash) ?? []) : [])))];
  if (digests.length === 0) throw notFetched(file, shown, 'no SHA-256 of its files is in the lockfile');
  return { name: project, version: same, digests };
}

/** One line for pip. Throws where a part is not what it should be: pip reads options and addresses in such lines too. */
export function requirementLine(file: string, name: string, parts: { readonly extras?: readonly string[]; readonly version?: string; readonly marker?: string }): string {
  const { extras = [], version, marker } = parts;
  const good = projectName(name) !== null && extras.every((extra) => projectName(extra) !== null) && (version === undefined || sameVersion(version) !== null) && (marker === undefined || isMarker(marker));
  if (!good) throw unreadable(file, `what it says of "${name.slice(0, 100)}" is not understood`);
  return `${name}${extras.length === 0 ? '' : `[${extras.join(',')}]`}${version === undefined ? '' : `==${version}`}${marker === undefined || marker === '' ? '' : ` ; ${marker}`}`;
}

/** The letters of an environment marker (PEP 508): no line end, no comment, no option. */
export function isMarker(text: string): boolean {
  return text.length <= 5000 && /^[\w\s.'"()<>=!~,*+-]*$/.test(text) && !/[\r\n]/.test(text) && !/(?:^|\s)--?[a-z]/i.test(text);
}

export function tableOf(value: TomlValue | undefined): TomlTable {
  return typeof value === 'object' && !Array.isArray(value) ? (value as TomlTable) : {};
}

export function listOf(value: TomlValue | undefined): readonly TomlValue[] {
  return Array.isArray(value) ? (value as readonly TomlValue[]) : [];
}

export function textOf(value: TomlValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Groups of a project that hold what its tests need, by the names that are usual. */
export function isTestGroup(name: string): boolean {
  return /^(?:dev|develop|development|test|tests|testing)$/i.test(name);
}

export function needsHashes(file: string, name: string): SallyportError {
  return new SallyportError('setup.fetch_failed', `Cannot fetch dependencies: ${file} names "${name.slice(0, 100)}" without --hash`, {
    hint: 'Pin them (pip-compile --generate-hashes, or a lockfile of uv or poetry), or allow resolution: `setup: { resolve: true }` in sallyport.yaml on the base, or in a file given with --env.',
  });
}
