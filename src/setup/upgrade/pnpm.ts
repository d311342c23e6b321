import { parsePnpmLock, pnpmInventory, prunePnpmLock } from '../../egress/locks/pnpm.js';
import type { Inventory } from '../../egress/inventory.js';
import { packageManagerOf } from '../ecosystems/package-manager.js';
import { pnpmClient } from '../ecosystems/pnpm.js';
import { siftWorkspace } from '../ecosystems/pnpm-workspace.js';
import type { Manifest, NodeClient, NodeProject, OverrideStyle, Rule } from './model.js';
import { askerName, nameOf } from './overrides.js';
import { inventoryOf, manifestOf, nodeProject } from './project.js';
import { mergePnpmLock, readWorkspace, setWorkspaceOverride } from './pnpm-text.js';

const LOCK = 'pnpm-lock.yaml';
const WORKSPACE = 'pnpm-workspace.yaml';

/** What packages of the lockfile ask for, by `name@version` and name: pnpm's lockfile does not say it. */
export type AskedRanges = (by: string, as: string) => string | undefined;

/** Takes a project that pnpm locked from its manifests (key: path). `ranges` says what its packages ask for. */
export function pnpmProject(manifests: ReadonlyMap<string, Buffer>, ranges: AskedRanges): NodeProject {
  const { packageJson, manifest } = manifestOf(manifests);
  const text = manifests.get(LOCK)?.toString('utf8') ?? '';
  const bare = inventoryOf(`${LOCK} cannot be used`, () => pnpmInventory(text));
  const inventory: Inventory = { ...bare, packages: bare.packages.map((p) => ({ ...p, requiredBy: p.requiredBy.map((r) => (r.by === '' ? r : { ...r, range: ranges(r.by, r.as) ?? r.range })) })) };
  const workspace = manifests.get(WORKSPACE)?.toString('utf8');
  const lock = inventoryOf(`${LOCK} cannot be used`, () => parsePnpmLock(text));
  const pnpm = pnpmClient(lock, packageManagerOf(packageJson));
  const inWorkspace = pnpm.major >= 11 || (workspace !== undefined && readWorkspace(workspace)['overrides'] !== undefined);
  const client: NodeClient = {
    name: 'pnpm', locked: lock.packages, tools: pnpm.tools,
    // Lockfiles before form 9 say of each package whether it has an install script, which pnpm finds out from its files.
    tarballs: lock.version < 9,
    files: workspace === undefined ? new Map() : new Map([[WORKSPACE, siftWorkspace(workspace)]]), overridesAt: inWorkspace ? null : ['pnpm', 'overrides'],
    editFiles: (edits) => {
      const rules = edits.flatMap((e) => (inWorkspace && e.kind === 'override' ? [e] : []));
      if (rules.length === 0) return new Map();
      const after = rules.reduce((now, e) => setWorkspaceOverride(now, e.path[0] as string, e.version), workspace ?? '');
      return new Map([[WORKSPACE, { before: workspace ?? '', after, shown: siftWorkspace(after) }]]);
    },
    prune: (gone) => prunePnpmLock(text, gone), commands: (what) => [...pnpm.commands, pnpm.install(['--lockfile-only', '--no-frozen-lockfile', '--fix-lockfile'], what)],
    merge: (made) => mergePnpmLock(text, made), readLocked: (made) => parsePnpmLock(made).packages, inventory: (made) => pnpmInventory(made),
  };
  return nodeProject({ packageJson, manifest, lockfile: { path: LOCK, text }, inventory, client, overrides: pnpmOverrides(inWorkspace ? readWorkspace(workspace ?? '')['overrides'] : nested(manifest), inventory) });
}

function nested(manifest: Manifest): unknown {
  const pnpm = manifest['pnpm'];
  return typeof pnpm === 'object' && pnpm !== null ? (pnpm as Record<string, unknown>)['overrides'] : undefined;
}

/** `parent@1>name@range: version` (https://pnpm.io/settings#overrides). */
function pnpmOverrides(present: unknown, inventory: Inventory): OverrideStyle {
  const rules = Object.entries(typeof present === 'object' && present !== null ? present : {}).flatMap(([key, value]): Rule[] => {
    const path = key.split(/(?<=[^\s|@])>(?!=)/).map((part) => part.trim());
    return typeof value === 'string' ? [{ edit: [key], path, name: nameOf(path.at(-1) as string), value }] : [];
  });
  return { rules, asker: (by) => askerName(inventory, by, '@'), under: (asker, as) => [`${asker}>${as}`], ofRange: (as, range) => (range === '' ? null : [`${as}@${range}`]) };
}
