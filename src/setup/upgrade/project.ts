import { readInventory } from '../../egress/inventory.js';
import { parseLockfile } from '../../egress/lockfile.js';
import { SallyportError } from '../../protocol/errors.js';
import { INSIDE_URL, npmCommand } from '../npm-client.js';
import { mergeLockfile, pruneLockfile } from './lockfile-diff.js';
import { Manifest, type NodeClient, type NodeProject, type UpgradeProject } from './model.js';
import { nodeWay } from './node-way.js';
import { npmOverrides } from './overrides.js';
import { npmReleases } from './releases.js';

/** One project of several packages could need each of them edited: nothing is done by halves. */
const SUPPORTED = 'Supported: one package at the root of the repository, without workspaces, with package-lock.json or npm-shrinkwrap.json of version 2 or 3, pnpm-lock.yaml or yarn.lock.';

/** Takes a project of npm's own lockfile from its manifests (key: path). Throws `input.invalid` with what is supported for everything else. */
export function npmProject(manifests: ReadonlyMap<string, Buffer>): NodeProject {
  const path = manifests.has('npm-shrinkwrap.json') ? 'npm-shrinkwrap.json' : 'package-lock.json';
  const text = manifests.get(path)?.toString('utf8');
  const { packageJson, manifest } = manifestOf(manifests);
  if (text === undefined) throw unsupported('there is no package-lock.json');
  const inventory = inventoryOf(`${path} is not a lockfile of version 2 or 3`, () => readInventory(text));
  const client: NodeClient = {
    // The old lockfile is parsed again when it is used: what cannot be fetched is an error of the upgrade then, and none of the plan.
    name: 'npm', get locked() { return parseLockfile(text); }, tools: [], tarballs: false, files: new Map(), overridesAt: ['overrides'], editFiles: () => new Map(),
    prune: (gone) => {
      const away = new Set(inventory.packages.filter((p) => gone(p.name, p.version)).map((p) => p.path));
      return pruneLockfile(text, (at) => away.has(at));
    },
    commands: (what) => [npmCommand(['install', '--package-lock-only', '--package-lock=true', `--lockfile-version=${inventory.lockfileVersion}`], what)],
    merge: (made, edits) => mergeLockfile(text, made, { edits, insideUrl: INSIDE_URL }), readLocked: parseLockfile, inventory: readInventory,
  };
  return nodeProject({ packageJson, manifest, lockfile: { path, text }, inventory, client, overrides: npmOverrides(manifest.overrides) });
}

export function nodeProject(parts: Omit<NodeProject, keyof Omit<UpgradeProject, 'inventory'>>): NodeProject {
  if (parts.manifest.workspaces !== undefined) throw unsupported('it has workspaces');
  if (parts.inventory.workspaces) throw unsupported(`${parts.lockfile.path} names packages of the tree itself`);
  return { ...parts, ecosystem: 'npm', releases: npmReleases, way: (affected, to) => nodeWay(parts, affected, to) };
}

export function manifestOf(manifests: ReadonlyMap<string, Buffer>): { readonly packageJson: string; readonly manifest: Manifest } {
  const packageJson = manifests.get('package.json')?.toString('utf8');
  if (packageJson === undefined) throw unsupported('there is no package.json at the root');
  return { packageJson, manifest: readManifest(packageJson) };
}

function readManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SallyportError('input.invalid', 'Cannot upgrade dependencies: package.json is not JSON', { cause });
  }
  const parsed = Manifest.safeParse(value);
  if (parsed.success) return parsed.data;
  throw unsupported(`package.json: ${parsed.error.issues[0]?.path.map(String).join('.').slice(0, 100)} is not what npm expects`);
}

/** What a lockfile says is installed; one that cannot be read is an error of the request. */
export function inventoryOf<T>(why: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new SallyportError('input.invalid', `Cannot upgrade dependencies: ${why}`, { cause, hint: cause instanceof SallyportError ? cause.message : SUPPORTED });
  }
}

export function unsupported(why: string): SallyportError {
  return new SallyportError('input.invalid', `Cannot upgrade dependencies: ${why}`, { hint: SUPPORTED });
}
