import { SallyportError } from '../../protocol/errors.js';
import { npmOpenPlan, npmPlan } from './npm.js';
import type { FetchPlan } from './plan.js';

/** What is to be fetched for the manifests of a tree, one plan an ecosystem. `resolve`: the environment lets clients choose versions. */
export function planFetch(manifests: ReadonlyMap<string, Buffer>, resolve: boolean): FetchPlan[] {
  return [planNode(manifests, resolve)].filter((plan) => plan !== null);
}

/** Packages of npm, by the client whose lockfile is there. */
function planNode(manifests: ReadonlyMap<string, Buffer>, resolve: boolean): FetchPlan | null {
  const text = manifests.get('package.json')?.toString('utf8');
  if (text === undefined) return null;
  const path = ['npm-shrinkwrap.json', 'package-lock.json'].find((name) => manifests.has(name));
  if (path !== undefined) {
    const plan = npmPlan(path, (manifests.get(path) as Buffer).toString('utf8'));
    // Nothing locked but something named: workspaces that need their links, or a lockfile that is out of date, which npm says itself.
    return plan.packages === 0 && !namesDependencies(text) ? null : plan;
  }
  if (!namesDependencies(text)) return null;
  if (resolve) return npmOpenPlan();
  throw new SallyportError('setup.fetch_failed', 'Cannot fetch dependencies: package.json names some and there is no package-lock.json', {
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
