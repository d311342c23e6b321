import { mkdir, mkdtemp, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../attest/digest.js';
import { SallyportError } from '../protocol/errors.js';
import type { Journal } from '../protocol/event.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import { newId } from '../protocol/ids.js';
import { parseLockfile, type LockedPackage } from '../egress/lockfile.js';
import type { Registry } from '../egress/npm-front.js';
import { lockedRules, openRules } from '../egress/rules.js';
import type { GitContext } from '../git/command.js';
import { makeLayer, type Owner, removeTree } from '../sandbox/layer.js';
import { openRecorded } from '../sandbox/record.js';
import type { SandboxDriver } from '../sandbox/sandbox.js';
import type { Environment } from './environment.js';
import { expectDone, fetchWithNpm, limitsOf, OUTPUT } from './fetch-sandbox.js';
import { keepOnlyModules, readManifests, readNpmrc } from './manifests.js';

/** Said on the command line, which is stronger than any file: what an .npmrc of the tree could turn is turned back here. */
const BUILD_FLAGS = ['--ignore-scripts=false', '--script-shell=/bin/sh', '--node-options=', '--cache=/tmp/npm', '--userconfig', '/dev/null', '--foreground-scripts', '--no-audit', '--no-update-notifier', '--offline'];

export interface SetupRequest {
  /** Runs a body while no other process runs one under the name; gives up waiting when the signal says so. */
  readonly exclusively: <T>(name: string, body: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly driver: SandboxDriver;
  readonly owner: Owner;
  /** State folders: snapshots are kept, scratch is removed. */
  readonly snapshots: string;
  readonly scratch: string;
  readonly git: GitContext;
  /** Tree whose manifests decide, and where it is laid out. */
  readonly tree: string;
  readonly laidOut: string;
  /** Tree of the protected base: the client configuration comes from it alone. */
  readonly baseTree: string;
  readonly environment: Environment;
  /** `base`, or something that no other run has: snapshots are never shared across trust levels. */
  readonly trust: string;
  readonly registry: () => Promise<Registry>;
  /** What tells one set of tools inside from another: a snapshot built by other tools is another snapshot. */
  readonly toolchain: string;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

/** A frozen result of setup: layers that lie over the tree, topmost first. */
export interface Snapshot {
  readonly id: string | null;
  /** Topmost first. */
  readonly parts: readonly ('build' | 'fetch')[];
}

/** Where a snapshot's layers lie below `folder`. The id comes from a durable step, so its form is checked before it becomes a path. */
export function layersOf(folder: string, snapshot: Snapshot): string[] {
  if (snapshot.id === null) return [];
  if (!/^snap_[0-9a-f]{32}$/.test(snapshot.id)) throw new SallyportError('internal.bug', `"${snapshot.id}" is not the id of a snapshot`);
  return snapshot.parts.map((part) => join(folder, snapshot.id as string, part === 'build' ? 'build/upper' : 'fetch/upper'));
}

/**
 * Fetch, then build, then freeze. Fetch sees manifests only, reaches the registry front only and runs no script. Build runs
 * what the environment lists, on the whole tree, with no route. The result is named by all that went into it and used again
 * when nothing of that differs.
 */
export async function prepareSnapshot(request: SetupRequest): Promise<Snapshot> {
  const { environment } = request;
  const manifests = await readManifests(request.git, request.tree);
  const npmrc = await readNpmrc(request.git, request.baseTree);
  const plan = planFetch(manifests, environment);
  const builds = environment.spec.setup.script !== undefined || environment.spec.setup.install_scripts.length > 0;
  if (plan === null && !builds) return { id: null, parts: [] };
  const inputs = digestOf({
    v: 1, trust: request.trust, driver: request.driver.name, toolchain: request.toolchain, npmrc: npmrc.kept,
    manifests: [...manifests].map(([path, body]) => [path, digestOf(body.toString('base64'))]).sort(),
    setup: environment.spec.setup, ...(builds ? { tree: request.tree, variables: environment.spec.variables } : { tree: null }),
  });
  const id = `snap_${inputs.slice(7, 39)}`;
  const target = join(request.snapshots, id);
  const known = await stat(join(target, 'meta.json')).catch(() => null);
  // Tasks that begin at the same time on the same inputs fetch once: the others wait, and use what was made.
  const reused = known !== null || (await request.exclusively(`snapshot ${target}`, async () => {
    if ((await stat(join(target, 'meta.json')).catch(() => null)) !== null) return true;
    await make(request, plan, builds, manifests, npmrc.kept, target);
    return false;
  }, request.signal));
  await request.journal.record('snapshot.frozen', { snapshot: id, inputs, reused });
  return { id, parts: [...(builds ? (['build'] as const) : []), ...(plan === null ? [] : (['fetch'] as const))] };
}

/** What npm is to do: null when nothing is named, otherwise the locked set, or null inside when it may resolve. */
function planFetch(manifests: ReadonlyMap<string, Buffer>, environment: Environment): { readonly locked: readonly LockedPackage[] | null } | null {
  const text = manifests.get('package.json')?.toString('utf8');
  if (text === undefined) return null;
  const lock = manifests.get('npm-shrinkwrap.json') ?? manifests.get('package-lock.json');
  if (lock !== undefined) {
    const locked = parseLockfile(lock.toString('utf8'));
    // Nothing locked but something named: workspaces that need their links, or a lockfile that is out of date, which npm says itself.
    return locked.length === 0 && !namesDependencies(text) ? null : { locked };
  }
  if (!namesDependencies(text)) return null;
  if (environment.spec.setup.resolve) return { locked: null };
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

async function make(request: SetupRequest, plan: { readonly locked: readonly LockedPackage[] | null } | null, builds: boolean, manifests: ReadonlyMap<string, Buffer>, npmrc: string, target: string): Promise<void> {
  await mkdir(request.snapshots, { recursive: true, mode: 0o755 });
  const draft = await mkdtemp(join(request.snapshots, '.draft-'));
  try {
    if (plan !== null) await fetchPhase(request, plan.locked, manifests, npmrc, draft);
    if (builds) await buildPhase(request, plan !== null, draft);
    for (const name of ['manifests', 'fetch/work', 'build/work', 'scratch']) await removeTree(join(draft, name));
    await writeFile(join(draft, 'meta.json'), JSON.stringify({ v: 1, trust: request.trust, made_at: new Date().toISOString() }));
    await rename(draft, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error; // another run made the same one first
    });
  } finally {
    await removeTree(draft);
  }
}

async function fetchPhase(request: SetupRequest, locked: readonly LockedPackage[] | null, manifests: ReadonlyMap<string, Buffer>, npmrc: string, draft: string): Promise<void> {
  const argv = locked === null ? ['npm', 'install', '--no-save', '--no-package-lock'] : ['npm', 'ci'];
  const fetched = await fetchWithNpm(request, { folder: draft, manifests, npmrc, rules: locked === null ? openRules() : lockedRules(locked), argv, what: 'npm could not fetch the dependencies' });
  await keepOnlyModules(join(draft, 'fetch/upper'));
  const packages = fetched.map(({ name, version, integrity }) => ({ name, version, integrity }));
  await request.journal.record('setup.fetched', { packages, bytes: fetched.reduce((sum, p) => sum + p.bytes, 0) });
}

async function buildPhase(request: SetupRequest, fetched: boolean, draft: string): Promise<void> {
  const layer = join(draft, 'build');
  const { setup, variables } = request.environment.spec;
  await makeLayer(layer, request.owner);
  const lowers = [...(fetched ? [join(draft, 'fetch/upper')] : []), request.laidOut];
  await using sandbox = await openRecorded(request.driver, {
    id: newId('sb'), phase: 'build', demanded: ALWAYS_DEMANDED, workspace: { lowers, layer }, mounts: [], egressSocket: null, scratch: null, limits: limitsOf(request.environment), variables,
  }, request.journal);
  const timeout = setup.timeout * 1000;
  if (setup.install_scripts.length > 0) {
    const result = await sandbox.exec({ argv: ['npm', 'rebuild', ...BUILD_FLAGS, '--', ...setup.install_scripts], timeout, maxOutput: OUTPUT, signal: request.signal });
    expectDone(result, 'setup.build_failed', `The install scripts of ${setup.install_scripts.join(', ')} failed`, request.signal);
  }
  if (setup.script === undefined) return;
  const result = await sandbox.exec({ argv: ['/bin/bash', '-euo', 'pipefail', '-c', setup.script], timeout, maxOutput: OUTPUT, signal: request.signal });
  expectDone(result, 'setup.build_failed', 'The setup script failed', request.signal);
}
