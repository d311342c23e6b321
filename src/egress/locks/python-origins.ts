import { projectName } from '../pypi-names.js';
import type { TomlTable, TomlValue } from '../toml.js';
import { bounded } from './entry.js';
import { type Origin, registryOrigin } from './origin.js';
import { listOf, readToml, tableOf, textOf } from './python.js';
import type { RequirementFiles } from './requirements.js';

/** What uv.lock says of every package that is no folder of the tree. */
export function uvOrigins(text: string): Origin[] {
  return entriesOf('uv.lock', text, 'package').flatMap((entry) => {
    const source = tableOf(entry['source']);
    if (['editable', 'virtual', 'directory'].some((kind) => source[kind] !== undefined)) return [];
    const files = [entry['sdist'], ...listOf(entry['wheels'])].map(tableOf);
    const { registry, git, url, path: file } = source;
    const [kind, address] = kindOf({ registry, git, url, file });
    return [originOf(entry, kind, address, files.map((file) => file['hash']))];
  });
}

/** What poetry.lock says; without a source a package is one of the index that poetry asks by itself. */
export function poetryOrigins(text: string): Origin[] {
  const old = tableOf(tableOf(readToml('poetry.lock', text)['metadata'])['files']);
  return entriesOf('poetry.lock', text, 'package').flatMap((entry) => {
    const source = tableOf(entry['source']);
    const [type, address] = [textOf(source['type']), textOf(source['url']) ?? null];
    if (type === 'directory') return [];
    const kind = type === undefined || type === 'legacy' ? 'registry' : type === 'git' ? 'git' : type === 'file' ? 'file' : 'url';
    const name = textOf(entry['name']) ?? '';
    const files = entry['files'] ?? (Object.hasOwn(old, name) ? old[name] : undefined);
    return [originOf(entry, kind, address, listOf(files).map((file) => tableOf(file)['hash']))];
  });
}

/** What pylock.toml says. */
export function pylockOrigins(text: string): Origin[] {
  return entriesOf('pylock.toml', text, 'packages').flatMap((entry) => {
    if (entry['directory'] !== undefined) return [];
    const [vcs, archive] = [tableOf(entry['vcs']), tableOf(entry['archive'])];
    const files = [entry['sdist'], ...listOf(entry['wheels']), entry['archive']].map(tableOf);
    const [kind, address] = kindOf({ git: vcs['url'] ?? vcs['path'], url: archive['url'], file: archive['path'], registry: entry['index'] });
    const hashes = files.flatMap((file) => Object.entries(tableOf(file['hashes'])).map(([algorithm, value]) => (typeof value === 'string' ? `${algorithm}:${value}` : undefined)));
    return [originOf(entry, kind, address, hashes)];
  });
}

/** What requirements files pin, and what they ask for without saying which. Where none has a digest, none is missing. */
export function requirementsOrigins({ requirements }: RequirementFiles): Origin[] {
  const hashed = requirements.some((r) => r.digests.length > 0);
  return requirements.flatMap(({ name, spec, digests }) => {
    const [project, version] = [projectName(name), /^={2,3}([^*,]+)$/.exec(spec)?.[1]];
    if (project === null) return [];
    return [registryOrigin({ name: project, version: version ?? (spec === '' ? '*' : spec) }, version === undefined ? { source: 'unlocked', pinned: false } : { digests, pinned: hashed })];
  });
}

function entriesOf(file: string, text: string, key: string): readonly TomlTable[] {
  return bounded(file, listOf(readToml(file, text)[key])).map(tableOf);
}

/** The place that is named, what is no registry first; an index that nobody names otherwise. */
function kindOf(places: Readonly<Partial<Record<Origin['source'], TomlValue | undefined>>>): readonly [Origin['source'], string | null] {
  const found = (['url', 'git', 'file', 'registry'] as const).find((kind) => typeof places[kind] === 'string');
  return found === undefined ? ['registry', null] : [found, textOf(places[found]) ?? null];
}

function originOf(entry: TomlTable, source: Origin['source'], address: string | null, hashes: readonly (TomlValue | undefined)[]): Origin {
  const written = textOf(entry['name']) ?? '';
  const digests = [...new Set(hashes.flatMap((hash) => (typeof hash === 'string' && /^[a-z0-9]{1,20}:[0-9a-fA-F]{20,200}$/.test(hash) ? [hash.toLowerCase()] : [])))].slice(0, 2000);
  return registryOrigin({ name: projectName(written) ?? written, version: textOf(entry['version']) ?? '' }, { source, address, digests });
}
