import { type InstalledPackage, readInventory } from '../egress/inventory.js';
import { pnpmInventory } from '../egress/locks/pnpm.js';
import type { Ecosystem } from '../protocol/event.js';
import { nodeLockOf } from './ecosystems/detect.js';
import { yarnInventory } from './upgrade/yarn.js';

/** Lockfiles at the root that are read. */
export const LOCKFILES = ['npm-shrinkwrap.json', 'package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'uv.lock', 'poetry.lock', 'pylock.toml'] as const;

/** What one lockfile says is installed. */
export interface Installed {
  readonly ecosystem: Ecosystem;
  /** The same as OSV spells it. */
  readonly osv: 'npm' | 'PyPI';
  /** Whose lockfile it is. */
  readonly client: 'npm' | 'pnpm' | 'yarn';
  readonly path: string;
  readonly packages: readonly InstalledPackage[];
}

/** What the lockfiles of a tree say is installed, one an ecosystem: the one that setup fetches by. Throws `setup.fetch_failed` for one that cannot be read. */
export function installedIn(manifests: ReadonlyMap<string, Buffer>): Installed[] {
  const node = nodeLockOf(manifests);
  return node === null ? [] : [{ ecosystem: 'npm', osv: 'npm', ...node, packages: packagesOf(manifests, node) }];
}

function packagesOf(manifests: ReadonlyMap<string, Buffer>, { path, client }: Pick<Installed, 'path' | 'client'>): readonly InstalledPackage[] {
  const text = (manifests.get(path) as Buffer).toString('utf8');
  if (client === 'npm') return readInventory(text).packages;
  return client === 'pnpm' ? pnpmInventory(text).packages : yarnInventory(text, manifests.get('package.json')?.toString('utf8') ?? '{}').packages;
}
