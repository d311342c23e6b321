import type { InstalledPackage } from '../../egress/inventory.js';
import { projectName, sameVersion } from '../../egress/pypi-names.js';
import { type IndexOptions, releasedIn, readProject } from '../../egress/pypi-releases.js';
import type { ReleasedVersion, VersionsOptions } from '../../egress/versions.js';
import { SallyportError } from '../../protocol/errors.js';
import { allowsPep440 } from '../../protocol/pep440.js';
import { type PythonClient, requirementsOf } from '../ecosystems/python.js';
import type { Affected, Refused, ResolvedFile, UpgradeProject, Way } from './model.js';
import type { Upgrade } from './plan.js';
import { readReleases, type Release } from './python-release.js';
import { editPyproject, editUvSpecifier, isExact } from './python-specifier.js';
import { editPoetryLock, editPylock, editRequirements, editUvLock, type Exchange } from './python-text.js';
import { pypiReleases } from './releases.js';

interface PythonLock {
  readonly client: PythonClient;
  readonly path: string;
  readonly packages: readonly InstalledPackage[];
}

/** A project of Python packages. No tool of theirs runs: an entry is exchanged by what the index says, where its format lets one do that, and pip shows whether it fits. */
export function pythonProject({ client, path, packages }: PythonLock): UpgradeProject {
  return { ecosystem: 'pypi', inventory: { packages }, releases: pypiReleases, way: (affected, to) => wayOf(client, path, affected, to) };
}

function wayOf(client: PythonClient, path: string, { name, instances }: Affected, to: string): Way | Refused {
  if (client === 'pip') return { how: 'direct', edits: [], notes: [] };
  const own = instances.flatMap((i) => i.requiredBy).filter((r) => r.by === '');
  const closed = own.find((r) => allowsPep440(r.range, to) !== true);
  // uv.lock has a copy of what the project asks for; poetry.lock has a digest, which poetry alone can make.
  if (closed !== undefined && client === 'uv' && own.every((r) => r.range === closed.range || allowsPep440(r.range, to) === true) && isExact(closed.range)) return { how: 'direct', edits: [], specifiers: [{ name, from: closed.range, to: `==${to}` }], notes: [] };
  if (closed !== undefined) return { reason: `pyproject.toml asks for ${name}${closed.range}, which does not allow ${to}: change it there and write ${path} anew with its own tool` };
  return { how: 'lock', edits: [], notes: [] };
}

/** The releases that the index has of a project. */
export async function pypiVersions(name: string, options: VersionsOptions): Promise<ReleasedVersion[]> {
  return releasedIn((await readProject(name, options)) ?? []);
}

const PYPROJECT = 'pyproject.toml';
const LOCKS: Readonly<Record<Exclude<PythonClient, 'pip'>, (text: string, exchange: Exchange, was: Release) => string>> = { uv: editUvLock, poetry: editPoetryLock, pylock: editPylock };

/** The files that upgrades change: the lockfile, or every requirements file that pins. Throws `setup.fetch_failed` where an entry cannot be exchanged by hand. */
export async function resolvePython(manifests: ReadonlyMap<string, Buffer>, { client, path }: PythonLock, upgrades: readonly Upgrade[], options: IndexOptions): Promise<readonly ResolvedFile[]> {
  const paths = client === 'pip' ? [...new Set(requirementsOf(manifests).requirements.map((r) => r.file))] : [path];
  const texts = new Map(paths.map((at) => [at, manifests.get(at)?.toString('utf8') ?? '']));
  for (const upgrade of upgrades) {
    for (const from of upgrade.from) {
      // A requirements file repeats nothing of what a package asks for.
      const [to, was] = (await readReleases(upgrade.package, client === 'pip' ? [upgrade.to] : [upgrade.to, from], client !== 'pip', options)) as [Release, Release];
      const exchange = { name: upgrade.package, from, to };
      let pinned = false;
      for (const [at, text] of texts) {
        const after = client === 'pip' ? editRequirements(at, text, exchange) : LOCKS[client](text, exchange, was);
        pinned ||= after !== null;
        if (after !== null) texts.set(at, after);
      }
      if (!pinned) throw new SallyportError('setup.fetch_failed', `Cannot upgrade ${upgrade.package} to ${upgrade.to}: no requirements file pins ${from} on lines of its own`);
    }
  }
  for (const specifier of upgrades.flatMap((u) => u.specifiers ?? [])) {
    texts.set(PYPROJECT, editPyproject(texts.get(PYPROJECT) ?? manifests.get(PYPROJECT)?.toString('utf8') ?? '', specifier));
    texts.set(path, editUvSpecifier(texts.get(path) ?? '', specifier));
  }
  const files = [...texts].map(([at, text]) => ({ path: at, body: Buffer.from(text) })).filter((f) => !f.body.equals(manifests.get(f.path) ?? Buffer.alloc(0)));
  expectExchanged(manifests, client, files, upgrades);
  return files;
}

/** Requirements may pin a version twice, with a marker each: all of them are exchanged, or none. */
function expectExchanged(manifests: ReadonlyMap<string, Buffer>, client: PythonClient, files: readonly ResolvedFile[], upgrades: readonly Upgrade[]): void {
  if (client !== 'pip') return;
  const after = requirementsOf(new Map([...manifests, ...files.map((f) => [f.path, f.body] as const)])).requirements;
  for (const { package: name, from, to } of upgrades) {
    const left = after.find((r) => projectName(r.name) === name && from.some((version) => r.spec.replace(/^={2,3}/, '') !== r.spec && sameVersion(r.spec.replace(/^={2,3}/, '')) === sameVersion(version)));
    if (left !== undefined) throw new SallyportError('setup.fetch_failed', `Cannot upgrade ${name} to ${to}: ${left.file} still pins ${left.spec}`);
  }
}
