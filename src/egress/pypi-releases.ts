import { comparePep440, type Pep440, parsePep440 } from '../protocol/pep440.js';
import { SallyportError } from '../protocol/errors.js';
import { fileOf, pageUrl, type Reach, reachable, upstreamOf, withoutFragment } from './pypi-front.js';
import { ACCEPT_INDEX, type IndexFile, readIndex } from './pypi-index.js';
import { namedFile, projectName, sameVersion } from './pypi-names.js';
import { askRegistry, type ReleasedVersion, type VersionsOptions } from './versions.js';

/** `reach` as a door has it: pages of an index may name files on other hosts. */
export interface IndexOptions extends VersionsOptions {
  readonly reach: Reach;
}

/** The files of a project that an index names, asked by the host itself as `readVersions` asks. Null when the index does not know it. Files that could not be fetched are left out. */
export async function readProject(name: string, options: VersionsOptions): Promise<IndexFile[] | null> {
  if (projectName(name) !== name) throw new SallyportError('setup.fetch_failed', `Cannot ask the index for "${name.slice(0, 200)}": not the name of a project`);
  const page = pageUrl(options.registry, name);
  const files = await askRegistry(options, `/pypi/simple/${name}/`, page, ACCEPT_INDEX, 'version-list', `the versions of "${name}"`, (body) => readIndex(body, page));
  return files?.filter((entry) => namedFile(entry.file)?.name === name && fileOf(entry.url) === entry.file && reachable(options, entry.url)) ?? null;
}

/** Its versions, smallest first: those with a wheel, since nothing else is installed. Taken back = every wheel is. */
export function releasedIn(files: readonly IndexFile[]): ReleasedVersion[] {
  const versions = new Map<string, { readonly written: string; yanked: boolean }>();
  for (const entry of files) {
    const named = namedFile(entry.file);
    if (named?.kind !== 'wheel') continue;
    const known = versions.get(named.version);
    versions.set(named.version, { written: known?.written ?? named.written, yanked: (known?.yanked ?? true) && entry.yanked });
  }
  return [...versions.values()].map(({ written, yanked }) => (yanked ? { version: written, deprecated: true } : { version: written }))
    .sort((a, b) => comparePep440(parsePep440(a.version) as Pep440, parsePep440(b.version) as Pep440));
}

/** The files of one version, by name. */
export function filesOf(files: readonly IndexFile[], version: string): IndexFile[] {
  return files.filter((entry) => namedFile(entry.file)?.version === sameVersion(version)).sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** A wheel, or the metadata beside it (PEP 658). Null when the index does not have it after all. */
export async function readFile(name: string, entry: IndexFile, part: 'wheel' | 'metadata', options: IndexOptions): Promise<Buffer | null> {
  const suffix = part === 'metadata' ? '.metadata' : '';
  const url = new URL(withoutFragment(entry.url));
  url.pathname += suffix;
  const upstream = await upstreamOf(options, url, options.reach).catch((cause: unknown) => {
    throw new SallyportError('setup.fetch_failed', `Cannot ask for ${entry.file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  return await askRegistry(upstream, `/pypi/files/${name}/${encodeURIComponent(entry.file)}${suffix}`, url.href, '*/*', part === 'metadata' ? 'version-metadata' : 'version-wheel', `${entry.file}${suffix}`, (body) => body);
}
