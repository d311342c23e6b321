import { readDigest } from '../pypi-digest.js';
import { projectName, sameVersion } from '../pypi-names.js';
import type { LockedProject } from '../pypi-rules.js';
import { bounded, notFetched, unreadable } from './entry.js';
import { isMarker, lockedProject, needsHashes, type PythonLock } from './python.js';

/** A requirement of a file, and the versions and digests that pin it. */
interface Requirement {
  readonly file: string;
  readonly name: string;
  readonly extras: string;
  /** As it stands: `==1.0`, `>=1,<2`, or nothing. */
  readonly spec: string;
  readonly marker: string;
  readonly digests: readonly string[];
}

export interface RequirementFiles {
  readonly requirements: readonly Requirement[];
  /** Pinned by a version and a digest, each of them. */
  readonly locked: boolean;
}

const MAX_FILES = 20;
/** `-r` and `-c` are followed; these say where from or how, which is not theirs to say. */
const IGNORED = /^(?:-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host|--no-index|--pre|--prefer-binary|--require-hashes|--only-binary|--no-binary|--use-feature)(?=[\s=]|$)/;

/**
 * Reads requirements files (https://pip.pypa.io/en/stable/reference/requirements-file-format/) as far as they name projects of an index. Folders, addresses and
 * repositories are an error that names them. `read` gives the text of a manifest.
 */
export function readRequirements(files: readonly string[], read: (path: string) => string | null): RequirementFiles {
  const seen = new Set<string>();
  const found: Requirement[] = [];
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    if (seen.size >= MAX_FILES) throw unreadable(file, `more than ${MAX_FILES} requirements files are named`);
    seen.add(file);
    const text = read(file);
    if (text === null) throw unreadable(file, 'it is not among the manifests of the tree: requirements files end in .txt or .in');
    for (const line of logicalLines(text)) {
      const include = /^(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)$/.exec(line)?.[1];
      if (include !== undefined) visit(beside(file, include));
      else if (!IGNORED.test(line)) found.push(requirementOf(file, line));
    }
  };
  for (const file of files) visit(file);
  const requirements = bounded(files[0] ?? 'requirements.txt', found);
  return { requirements, locked: requirements.every(isLocked) };
}

/** What pip gets of files whose every line is pinned. */
export function lockOfRequirements({ requirements }: RequirementFiles): PythonLock {
  const unpinned = requirements.find((r) => !isLocked(r));
  if (unpinned !== undefined) throw needsHashes(unpinned.file, unpinned.name);
  const versions = new Map<string, LockedProject>();
  for (const { file, name, spec, digests } of requirements) {
    const one = lockedProject(file, name, spec.replace(/^={2,3}/, ''), digests);
    const key = `${one.name} ${one.version}`;
    versions.set(key, { ...one, digests: [...(versions.get(key)?.digests ?? []), ...one.digests] });
  }
  return { locked: [...versions.values()], requirements: linesOf(requirements, true) };
}

/** The same for pip to choose by: without digests, of which one would demand all. */
export function linesOf(requirements: readonly Requirement[], hashes: boolean): string[] {
  return [...new Set(requirements.map(({ name, extras, spec, marker, digests }) =>
    `${name}${extras}${spec}${marker === '' ? '' : ` ; ${marker}`}${hashes ? digests.map((d) => ` --hash=${d}`).join('') : ''}`))];
}

function isLocked({ spec, digests }: Requirement): boolean {
  return digests.length > 0 && /^={2,3}[^*,]+$/.test(spec);
}

/** Lines joined at a backslash, without comments. */
function logicalLines(text: string): string[] {
  return text.replace(/\r\n?/g, '\n').replace(/^\s*#.*\n?/gm, '').replace(/\\\n/g, ' ').split('\n').map((line) => line.replace(/(?:^|\s)#.*$/, '').trim()).filter((line) => line !== '');
}

function requirementOf(file: string, line: string): Requirement {
  const options = [...line.matchAll(/\s--hash[=\s]\s*(\S+)/g)].map((m) => m[1] as string);
  const rest = line.replace(/\s--hash[=\s]\s*\S+/g, '').trim();
  const match = /^([A-Za-z0-9][\w.-]*)\s*(\[[\w\s.,-]*\])?\s*\(?\s*((?:[<>=!~]=?=?\s*[\w.*+!-]+\s*,?\s*)*)\)?\s*(?:;\s*(.*))?$/.exec(rest);
  const [, name = '', extras = '', spec = '', marker = ''] = match ?? [];
  if (match === null || projectName(name) === null || !isMarker(marker)) throw notFetched(file, rest, 'only projects of an index are fetched, not folders, addresses or repositories, and only with the options that name digests');
  const pinned = /^={2,3}(.+)$/.exec(spec.replace(/\s+/g, ''))?.[1];
  if (pinned !== undefined && !pinned.includes('*') && !pinned.includes(',') && sameVersion(pinned) === null) throw notFetched(file, rest, 'its version is not one of an index');
  return { file, name, extras: extras.replace(/\s+/g, ''), spec: spec.replace(/\s+/g, ''), marker: marker.trim(), digests: options.flatMap((option) => readDigest(option) ?? []) };
}

/** A path of a requirements file from the folder of the one that names it; outside of the tree there is none. */
function beside(file: string, path: string): string {
  const parts = file.split('/').slice(0, -1);
  for (const part of path.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) throw unreadable(file, `it names "${path.slice(0, 100)}", which is outside of the repository`);
    } else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}
