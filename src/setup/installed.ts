import { type InstalledPackage, readInventory } from '../egress/inventory.js';
import { pnpmInventory } from '../egress/locks/pnpm.js';
import type { Ecosystem } from '../protocol/event.js';
import { poetryInventory, pylockInventory, requirementsInventory, uvInventory } from '../egress/locks/python-inventory.js';
import { nodeLockOf } from './ecosystems/detect.js';
import type { Client } from './ecosystems/package-manager.js';
import { type PythonClient, pythonLockOf, requirementsOf } from './ecosystems/python.js';
import { yarnInventory } from './upgrade/yarn.js';

/** Lockfiles at the root that are read. */
export const LOCKFILES = ['npm-shrinkwrap.json', 'package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'uv.lock', 'poetry.lock', 'pylock.toml'] as const;

/** What one lockfile says is installed. */
export interface Installed {
  readonly ecosystem: Ecosystem;
  /** The same as OSV spells it. */
  readonly osv: 'npm' | 'PyPI';
  /** Whose lockfile it is. */
  readonly client: Client | PythonClient;
  readonly path: string;
  readonly packages: readonly InstalledPackage[];
}

/** What the lockfiles of a tree say is installed, one an ecosystem: the one that setup fetches by. Throws `setup.fetch_failed` for one that cannot be read. */
export function installedIn(manifests: ReadonlyMap<string, Buffer>): Installed[] {
  const [node, python] = [nodeLockOf(manifests), pythonLockOf(manifests)];
  const pinned = python === null ? [] : pythonPackages(manifests, python.path, python.client);
  return [
    ...(node === null ? [] : [{ ecosystem: 'npm', osv: 'npm', ...node, packages: nodePackages(manifests, node.path, node.client) } as const]),
    // Requirements that pin nothing say nothing of what is installed.
    ...(python === null || (python.client === 'pip' && pinned.length === 0) ? [] : [{ ecosystem: 'pypi', osv: 'PyPI', ...python, packages: pinned } as const]),
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
