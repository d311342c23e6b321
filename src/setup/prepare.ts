import { mkdir, mkdtemp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../attest/digest.js';
import type { Journal } from '../protocol/event.js';
import type { Digest } from '../protocol/evidence.js';
import type { GitContext } from '../git/command.js';
import { type Owner, removeTree } from '../sandbox/layer.js';
import type { Sandbox, SandboxDriver } from '../sandbox/sandbox.js';
import { type SbomPackage, sbomOf } from '../egress/sbom.js';
import { type Build, buildPhase } from './build.js';
import { dependenciesIn } from './dependencies.js';
import type { Command, DependencyPart, FetchPlan } from './ecosystems/plan.js';
import { planFetch } from './ecosystems/detect.js';
import type { Environment } from './environment.js';
import { freezeParts, type PartName } from './freeze.js';
import { fetchInSandbox, type FetchTask, openFetch, type Registries } from './fetch-sandbox.js';
import { readConfiguration, readManifests } from './manifests.js';
import { type Seal, readSbom, sealSnapshot, snapshotProblem } from './seal.js';
import { dependenciesOf, layersOf, type Snapshot } from './snapshot.js';

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
  readonly registries: Registries;
  /** The values of the environment's secrets; null where none may be used. Nobody else on the way sees them. */
  readonly secret: ((name: string) => Promise<string>) | null;
  /** The run that a maintenance script is run for when a frozen setup is used again; null where it is not. */
  readonly upkeep: string | null;
  /** Vouches for what is frozen here, and for nothing else. */
  readonly seal: Seal;
  /** What tells one set of tools inside from another: a snapshot built by other tools is another snapshot. */
  readonly toolchain: string;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

/** What a setup would be made of, and the name that follows from it. */
export interface SnapshotPlan {
  readonly id: string;
  readonly inputs: Digest;
  readonly plans: readonly FetchPlan[];
  readonly builds: boolean;
  readonly files: Inputs;
}

/** Null where there is nothing to fetch and nothing to build. */
export async function planSnapshot(request: SetupRequest): Promise<SnapshotPlan | null> {
  const { environment } = request;
  const { maintenance: _, ...setup } = environment.spec.setup; // it makes none, it is run on one
  const manifests = await readManifests(request.git, request.tree);
  const configuration = await readConfiguration(request.git, request.baseTree);
  const plans = planFetch(manifests, setup.resolve);
  const builds = setup.script !== undefined || setup.install_scripts.length > 0;
  if (plans.length === 0 && !builds) return null;
  const inputs = digestOf({
    v: 3, trust: request.trust, driver: request.driver.name, toolchain: request.toolchain, configuration: [...configuration],
    manifests: [...manifests].map(([path, body]) => [path, digestOf(body.toString('base64'))]).sort(),
    setup, ...(builds ? { tree: request.tree, variables: environment.spec.variables } : { tree: null }),
  });
  return { id: `snap_${inputs.slice(7, 39)}`, inputs, plans, builds, files: { manifests, configuration } };
}

/**
 * Fetch, then build, then freeze. Fetch sees manifests only, reaches the registry front only and runs no script. Build runs
 * what the environment lists, on the whole tree, with no route. The result is named by all that went into it and used again
 * when nothing of that differs. `planned`: what `planSnapshot` says of the same request, where it was asked already.
 */
export async function prepareSnapshot(request: SetupRequest, planned?: SnapshotPlan | null): Promise<Snapshot> {
  const plan = planned === undefined ? await planSnapshot(request) : planned;
  if (plan === null) return { id: null, parts: [] };
  const { id, inputs, plans, builds } = plan;
  const target = join(request.snapshots, id);
  const expected = { id, inputs, trust: request.trust };
  // Tasks that begin at the same time on the same inputs fetch once: the others wait, and use what was made.
  const reused = (await snapshotProblem(request.seal, target, expected)) === null || (await request.exclusively(`snapshot ${target}`, async () => {
    const problem = await snapshotProblem(request.seal, target, expected);
    if (problem === null) return true;
    if (problem !== 'missing') await request.journal.record('snapshot.refused', { snapshot: id, reason: problem });
    await removeTree(target); // whole or not at all: what nobody vouches for is made anew
    await make(request, plans, builds, plan.files, target, expected);
    return false;
  }, request.signal));
  const sbom = await readSbom(target);
  await request.journal.record('snapshot.frozen', { snapshot: id, inputs, reused, sbom: sbom === null ? null : await request.journal.keep(sbom, 'application/vnd.cyclonedx+json') });
  const dependencies = partsOf(plans);
  const snapshot: Snapshot = { id, parts: [...(builds ? (['build'] as const) : []), ...(plans.length === 0 ? [] : (['fetch'] as const))], ...(dependencies.length === 0 ? {} : { dependencies }) };
  const { maintenance } = request.environment.spec.setup;
  return reused && maintenance !== undefined && request.upkeep !== null ? await maintain(request, snapshot, maintenance, request.upkeep) : snapshot;
}

/** Runs the maintenance script on a frozen setup that is used again. What it writes lies on top, for one run alone. */
async function maintain(request: SetupRequest, over: Snapshot, text: string, run: string): Promise<Snapshot> {
  const inputs = digestOf({ v: 1, over: over.id, maintenance: text, run });
  const id = `snap_${inputs.slice(7, 39)}`;
  const meta = { id, inputs, trust: `run:${run}` };
  const target = join(request.snapshots, id);
  const secrets = await secretsOf(request);
  await inDraft(request, target, meta, async (draft) => {
    await buildPhase(request, {
      lowers: [...layersOf(request.snapshots, over), request.laidOut], layer: join(draft, 'build'), dependencies: dependenciesOf(request.snapshots, over), packages: [], script: { text, name: 'maintenance' }, secrets,
    });
    return { parts: ['build'], secrets, sbom: null };
  });
  await request.journal.record('snapshot.frozen', { snapshot: id, inputs, reused: false, sbom: null });
  return { id, parts: ['build'], over };
}

/** The values of what the environment asks for. A head gets none: it could print them. */
async function secretsOf({ environment, secret }: SetupRequest): Promise<Readonly<Record<string, string>>> {
  if (secret === null) return {};
  return Object.fromEntries(await Promise.all(environment.spec.setup.secrets.map(async (name) => [name, await secret(name)] as const)));
}

function buildOf(request: SetupRequest, plans: readonly FetchPlan[], draft: string, secrets: Readonly<Record<string, string>>): Build {
  const { setup } = request.environment.spec;
  const dependencies = dependenciesIn(join(draft, 'deps/upper'), partsOf(plans));
  return {
    lowers: [...(plans.length > 0 ? [join(draft, 'fetch/upper')] : []), request.laidOut], layer: join(draft, 'build'), dependencies: dependencies === null ? null : { ...dependencies, writable: true },
    packages: setup.install_scripts, script: setup.script === undefined ? null : { text: setup.script, name: 'setup' }, secrets,
  };
}

function partsOf(plans: readonly FetchPlan[]): DependencyPart[] {
  return [...new Set(plans.flatMap((plan) => plan.dependencies))];
}

interface Inputs {
  readonly manifests: ReadonlyMap<string, Buffer>;
  readonly configuration: ReadonlyMap<string, string>;
}

type Meta = { readonly id: string; readonly inputs: Digest; readonly trust: string };

async function make(request: SetupRequest, plans: readonly FetchPlan[], builds: boolean, inputs: Inputs, target: string, meta: Meta): Promise<void> {
  const secrets = builds ? await secretsOf(request) : {};
  await inDraft(request, target, meta, async (draft) => {
    const sbom = plans.length > 0 ? sbomOf(meta.id, await fetchPhase(request, plans, inputs, draft)) : null;
    if (builds) await buildPhase(request, buildOf(request, plans, draft, secrets));
    return { parts: [...(plans.length > 0 ? ['fetch' as const] : []), ...(builds ? ['build' as const] : []), ...(partsOf(plans).length > 0 ? ['deps' as const] : [])], secrets, sbom };
  });
}

interface Drafted {
  readonly parts: readonly PartName[];
  readonly secrets: Readonly<Record<string, string>>;
  readonly sbom: string | null;
}

/** Lets `fill` write layers, freezes and seals them, and puts them in place: whole or not at all. */
async function inDraft(request: SetupRequest, target: string, meta: Meta, fill: (draft: string) => Promise<Drafted>): Promise<void> {
  await mkdir(request.snapshots, { recursive: true, mode: 0o755 });
  const draft = await mkdtemp(join(request.snapshots, '.draft-'));
  try {
    const { parts, secrets, sbom } = await fill(draft);
    const { driver, journal, signal } = request;
    const listed = await freezeParts({ driver, folder: draft, parts, lower: request.laidOut, secrets, journal, signal });
    for (const name of ['manifests', 'fetch/work', 'build/work', 'deps/work', 'scratch']) await removeTree(join(draft, name));
    await sealSnapshot(request.seal, draft, { ...meta, parts: listed }, sbom);
    await rename(draft, target).catch(async (error: NodeJS.ErrnoException) => {
      if (!['ENOTEMPTY', 'EEXIST'].includes(error.code ?? '') || (await snapshotProblem(request.seal, target, meta)) !== null) throw error; // otherwise another process made the same one first
    });
  } finally {
    await removeTree(draft);
  }
}

/** All ecosystems of a project in one sandbox, behind one door. */
async function fetchPhase(request: SetupRequest, plans: readonly FetchPlan[], inputs: Inputs, draft: string): Promise<readonly SbomPackage[]> {
  const { fetched } = await fetchInSandbox(request, { ...(await fetchTask(request, plans, inputs, draft)), commands: plans.flatMap((plan) => plan.commands) });
  const packages = fetched.map(({ ecosystem, name, version, integrity }) => ({ ecosystem, name, version, integrity }));
  await request.journal.record('setup.fetched', { packages, bytes: fetched.reduce((sum, p) => sum + p.bytes, 0) });
  return packages;
}

async function fetchTask(request: SetupRequest, plans: readonly FetchPlan[], { manifests, configuration }: Inputs, folder: string): Promise<Omit<FetchTask, 'commands'>> {
  const fronts = await Promise.all(plans.map(async (plan) => plan.front(await request.registries[plan.ecosystem]())));
  const files = new Map<string, Buffer | string>([...manifests, ...configuration, ...plans.flatMap((plan) => [...plan.files])]);
  return { folder, files, fronts, dependencies: partsOf(plans).length > 0 };
}

/** A person's own look at the fetch phase: the sandbox and the door as a setup has them, and nothing run yet. `commands` are those that it would run. `folder` is the caller's to remove. */
export async function tryFetchPhase(request: SetupRequest, folder: string): Promise<{ readonly sandbox: Sandbox; readonly commands: readonly Command[] } & AsyncDisposable> {
  const plan = await planSnapshot(request);
  const opened = await openFetch(request, await fetchTask(request, plan?.plans ?? [], plan?.files ?? { manifests: new Map(), configuration: new Map() }, folder));
  return { sandbox: opened.sandbox, commands: plan?.plans.flatMap((p) => p.commands) ?? [], [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}
