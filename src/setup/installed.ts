import { type InstalledPackage, readInventory } from '../egress/inventory.js';
import { parseCargoLock } from '../egress/locks/cargo.js';
import { parseGoMod, parseGoSum, shownModule, wantedModules } from '../egress/locks/go-mod.js';
import { pnpmInventory } from '../egress/locks/pnpm.js';
import type { Ecosystem } from '../protocol/event.js';
import { poetryInventory, pylockInventory, requirementsInventory, uvInventory } from '../egress/locks/python-inventory.js';
import { nodeLockOf } from './ecosystems/detect.js';
import type { Client } from './ecosystems/package-manager.js';
import { type PythonClient, pythonLockOf, requirementsOf } from './ecosystems/python.js';
import { OSV } from './fetch-rules.js';
import { yarnInventory } from './upgrade/yarn.js';

/** Lockfiles at the root whose packages can be upgraded. */
export const LOCKFILES = ['npm-shrinkwrap.json', 'package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'uv.lock', 'poetry.lock', 'pylock.toml'] as const;

/** What one lockfile says is installed. */
export interface Installed {
  readonly ecosystem: Ecosystem;
  /** The same as OSV spells it. */
  readonly osv: (typeof OSV)[Ecosystem];
  /** Whose lockfile it is. */
  readonly client: Client | PythonClient | 'cargo' | 'go';
  readonly path: string;
  readonly packages: readonly InstalledPackage[];
}

/** What the lockfiles of a tree say is installed, one an ecosystem: the one that setup fetches by. Throws `setup.fetch_failed` for one that cannot be read. */
export function installedIn(manifests: ReadonlyMap<string, Buffer>): Installed[] {
  const [node, python] = [nodeLockOf(manifests), pythonLockOf(manifests)];
  const pinned = python === null ? [] : pythonPackages(manifests, python.path, python.client);
  return [
    ...(node === null ? [] : [{ ecosystem: 'npm', osv: OSV.npm, ...node, packages: nodePackages(manifests, node.path, node.client) } as const]),
    // Requirements that pin nothing say nothing of what is installed.
    ...(python === null || (python.client === 'pip' && pinned.length === 0) ? [] : [{ ecosystem: 'pypi', osv: OSV.pypi, ...python, packages: pinned } as const]),
    ...(manifests.has('go.mod') && manifests.has('go.sum') ? [{ ecosystem: 'go', osv: OSV.go, client: 'go', path: 'go.sum', packages: goPackages(manifests) } as const] : []),
    ...(manifests.has('Cargo.lock') ? [{ ecosystem: 'cargo', osv: OSV.cargo, client: 'cargo', path: 'Cargo.lock', packages: parseCargoLock(textAt(manifests, 'Cargo.lock') ?? '').map(plainPackage) } as const] : []),
  ];
}

const textAt = (manifests: ReadonlyMap<string, Buffer>, path: string): string | null => manifests.get(path)?.toString('utf8') ?? null;

function nodePackages(manifests: ReadonlyMap<string, Buffer>, path: string, client: Client): readonly InstalledPackage[] {
  const text = textAt(manifests, path) ?? '';
  if (client === 'npm') return readInventory(text).packages;
  return client === 'pnpm' ? pnpmInventory(text).packages : yarnInventory(text, textAt(manifests, 'package.json') ?? '{}').packages;
}

function pythonPackages(manifests: ReadonlyMap<string, Buffer>, path: string, client: PythonClient): readonly InstalledPackage[] {
  if (client === 'pip') return requirementsInventory(requirementsOf(manifests));
  const text = textAt(manifests, path) ?? '';
  return client === 'uv' ? uvInventory(text) : client === 'poetry' ? poetryInventory(text, textAt(manifests, 'pyproject.toml')) : pylockInventory(text);
}

/** What a build is made of, in versions as advisories write them. */
function goPackages(manifests: ReadonlyMap<string, Buffer>): readonly InstalledPackage[] {
  const sums = parseGoSum(textAt(manifests, 'go.sum') ?? '');
  const modules = wantedModules(parseGoMod(textAt(manifests, 'go.mod') ?? ''), sums).filter((module) => sums.zips.has(shownModule(module)));
  return modules.map(({ path, version }) => plainPackage({ name: path, version: version.replace(/^v/, '') }));
}

/** Of which nobody says who asks for it. */
function plainPackage({ name, version }: { readonly name: string; readonly version: string }): InstalledPackage {
  return { path: `${name}@${version}`, name, version, dev: false, optional: false, bundled: false, direct: false, requiredBy: [] };
}
