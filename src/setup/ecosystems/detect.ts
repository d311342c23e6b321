import type { PackageVersion } from '../../egress/package-rules.js';
import { SallyportError } from '../../protocol/errors.js';
import { planCargo } from './cargo.js';
import { planGo } from './go.js';
import { npmOpenPlan, npmPlan } from './npm.js';
import { type Client, packageManagerOf } from './package-manager.js';
import type { FetchPlan } from './plan.js';
import { pnpmPlan } from './pnpm.js';
import { planPython } from './python.js';
import { yarnPlan } from './yarn.js';

/** What is to be fetched for the manifests of a tree, one plan an ecosystem. `resolve`: the environment lets clients choose versions. */
export function planFetch(manifests: ReadonlyMap<string, Buffer>, resolve: boolean): FetchPlan[] {
  return [planNode(manifests, resolve), planPython(manifests, resolve), planGo(manifests), planCargo(manifests)].filter((plan) => plan !== null);
}

/** What the lockfiles among some manifests pin; nothing where they cannot be read: whoever fetches by them says why. */
export function lockedIn(manifests: ReadonlyMap<string, Buffer>): PackageVersion[] {
  try {
    return planFetch(manifests, true).flatMap(({ ecosystem, locked }) => locked.map(({ name, version }) => ({ ecosystem, name, version })));
  } catch (error) {
    if (error instanceof SallyportError) return [];
    throw error;
  }
}

/** Lockfiles of packages of npm, in the order in which they count where package.json names no client. */
const LOCKFILES: readonly (readonly [string, Client])[] = [['npm-shrinkwrap.json', 'npm'], ['package-lock.json', 'npm'], ['pnpm-lock.yaml', 'pnpm'], ['yarn.lock', 'yarn']];

/** The lockfile of npm packages that counts, and whose it is; null where there is none. */
export function nodeLockOf(manifests: ReadonlyMap<string, Buffer>): { readonly path: string; readonly client: Client } | null {
  const text = manifests.get('package.json')?.toString('utf8');
  const manager = text === undefined ? null : packageManagerOf(text);
  const present = LOCKFILES.filter(([name]) => manifests.has(name));
  const [path, client] = present.find(([, one]) => one === manager?.client) ?? present[0] ?? [];
  return path === undefined || client === undefined ? null : { path, client };
}

/** Packages of npm, by the client whose lockfile is there. */
function planNode(manifests: ReadonlyMap<string, Buffer>, resolve: boolean): FetchPlan | null {
  const text = manifests.get('package.json')?.toString('utf8');
  if (text === undefined) return null;
  const named = namesDependencies(text);
  const manager = packageManagerOf(text);
  const locked = nodeLockOf(manifests);
  if (locked !== null) {
    const { path, client } = locked;
    const lockfile = (manifests.get(path) as Buffer).toString('utf8');
    if (client === 'pnpm') return pnpmPlan(lockfile, manager, manifests.get('pnpm-workspace.yaml')?.toString('utf8'));
    if (client === 'yarn') return yarnPlan(lockfile, manager);
    const plan = npmPlan(path, lockfile);
    // Nothing locked but something named: workspaces that need their links, or a lockfile that is out of date, which npm says itself.
    return plan.packages === 0 && !named ? null : plan;
  }
  if (!named) return null;
  if (resolve) return npmOpenPlan();
  throw new SallyportError('setup.fetch_failed', 'Cannot fetch dependencies: package.json names some and there is no package-lock.json, pnpm-lock.yaml or yarn.lock', {
    hint: 'Commit a lockfile (npm install --package-lock-only), or allow resolution: `setup: { resolve: true }` in sallyport.yaml on the base, or in a file given with --env.',
  });
}

function namesDependencies(packageJson: string): boolean {
  try {
    const value = JSON.parse(packageJson) as Record<string, unknown>;
    return ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies', 'workspaces'].some((k) => typeof value[k] === 'object' && Object.keys(value[k] ?? {}).length > 0);
  } catch (cause) {
    throw new SallyportError('setup.fetch_failed', 'Cannot read package.json: it is not JSON', { cause });
  }
}
