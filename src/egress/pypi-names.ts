import { parsePep440 } from '../protocol/pep440.js';

/** Name of a project as an index knows it (https://packaging.python.org/en/latest/specifications/name-normalization/); null for what is none. */
export function projectName(name: string): string | null {
  return name.length <= 200 && /^(?:[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])$/i.test(name) ? name.replace(/[-_.]+/g, '-').toLowerCase() : null;
}

/** One text for all spellings of a version, for comparing; null for what is none. `1.0` and `1.0.0` are the same. */
export function sameVersion(version: string): string | null {
  const parsed = parsePep440(version);
  if (parsed === null) return null;
  const { epoch, release, pre, post, dev, local } = parsed;
  return [epoch === '0' ? '' : `${epoch}!`, release.join('.'), pre?.join('') ?? '', post === null ? '' : `.post${post}`, dev === null ? '' : `.dev${dev}`, local === null ? '' : `+${local}`].join('');
}

/** What the name of a file says of it. */
export interface NamedFile {
  readonly kind: 'wheel' | 'source';
  readonly name: string;
  /** As `sameVersion` gives it. */
  readonly version: string;
  /** As its publisher wrote it. */
  readonly written: string;
}

/** `NAME-VERSION(-BUILD)-PYTHON-ABI-PLATFORM.whl`, or `NAME-VERSION.tar.gz`; null for everything else. */
export function namedFile(file: string): NamedFile | null {
  if (file.length > 300 || !/^[A-Za-z0-9][\w.+!-]*$/.test(file)) return null;
  const wheel = /^([^-]+)-([^-]+)(?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl$/.exec(file);
  const source = wheel === null ? /^(.+)-(\d[^-]*)\.(?:tar\.gz|zip|tar\.bz2|tgz)$/.exec(file) : null;
  const found = wheel ?? source;
  const name = found === null ? null : projectName(found[1] as string);
  const written = (found?.[2] ?? '').replaceAll('_', wheel === null ? '_' : '.');
  const version = sameVersion(written);
  return name === null || version === null ? null : { kind: wheel === null ? 'source' : 'wheel', name, version, written };
}
