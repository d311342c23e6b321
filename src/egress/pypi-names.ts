/** Name of a project as an index knows it (https://packaging.python.org/en/latest/specifications/name-normalization/); null for what is none. */
export function projectName(name: string): string | null {
  return name.length <= 200 && /^(?:[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])$/i.test(name) ? name.replace(/[-_.]+/g, '-').toLowerCase() : null;
}

/** Appendix B of PEP 440. */
const VERSION = /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/;
const PRE: Readonly<Record<string, string>> = { alpha: 'a', a: 'a', beta: 'b', b: 'b', preview: 'rc', pre: 'rc', c: 'rc', rc: 'rc' };

/** One text for all spellings of a version, for comparing; null for what is none. `1.0` and `1.0.0` are the same. */
export function sameVersion(version: string): string | null {
  const match = version.length > 200 ? null : VERSION.exec(version.trim().toLowerCase());
  if (match === null) return null;
  const [, epoch = '0', release = '', pre, preNumber, dash, post, postNumber, dev, devNumber, local] = match;
  const number = (text: string | undefined): string => (text ?? '').replace(/^0+(?=\d)/, '') || '0';
  const parts = release.split('.').map(number).join('.').replace(/(?:\.0)+$/, '');
  return [
    epoch === '0' ? '' : `${number(epoch)}!`, parts, pre === undefined ? '' : `${PRE[pre]}${number(preNumber)}`,
    dash === undefined && post === undefined ? '' : `.post${number(dash ?? postNumber)}`, dev === undefined ? '' : `.dev${number(devNumber)}`, local === undefined ? '' : `+${local.replace(/[-_]/g, '.')}`,
  ].join('');
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
