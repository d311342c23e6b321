import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { SallyportError } from '../../protocol/errors.js';

/** Keys that say what belongs to the project and how it is laid out. All others are dropped: addresses, programs, code that pnpm would load, folders elsewhere. */
const KEPT = new Set([
  'packages', 'catalog', 'catalogs', 'overrides', 'packageExtensions', 'patchedDependencies', 'ignoredOptionalDependencies', 'peerDependencyRules', 'allowedDeprecatedVersions', 'autoInstallPeers',
  'excludeLinksFromLockfile', 'injectWorkspacePackages', 'dedupeInjectedDeps', 'dedupePeerDependents', 'resolvePeersFromWorkspaceRoot', 'linkWorkspacePackages', 'preferWorkspacePackages', 'sharedWorkspaceLockfile',
  'hoist', 'hoistPattern', 'publicHoistPattern', 'shamefullyHoist', 'hoistWorkspacePackages', 'supportedArchitectures', 'nodeLinker', 'peersSuffixMaxLength', 'strictPeerDependencies',
]);

/** The part of a pnpm-workspace.yaml that the fetch phase obeys. */
export function siftWorkspace(text: string): string {
  const value = z.record(z.string(), z.unknown()).nullable().safeParse(read(text));
  if (!value.success) throw new SallyportError('setup.fetch_failed', 'Cannot read pnpm-workspace.yaml: expected keys with values');
  // pnpm's Plug'n'Play keeps its map outside of node_modules, which does not survive.
  const kept = Object.entries(value.data ?? {}).filter(([key, entry]) => KEPT.has(key) && !(key === 'nodeLinker' && entry === 'pnp'));
  return stringify(Object.fromEntries(kept));
}

function read(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 20, logLevel: 'error' });
  } catch (cause) {
    throw new SallyportError('setup.fetch_failed', 'Cannot read pnpm-workspace.yaml: it is not YAML', { cause });
  }
}
