import { join } from 'node:path';
import { stringify } from 'yaml';
import { collectChecks } from '../gate/collect.js';
import { collectTools, type ToolSide } from '../gate/tools/collect.js';
import { readFileAt } from '../git/change.js';
import { findSource, locatorOf, type Mirror, openMirror, resolveRef, updateMirror } from '../git/mirror.js';
import type { Source } from '../git/url.js';
import { listTree } from '../git/tree.js';
import { newId } from '../protocol/ids.js';
import { EnvironmentSpec, type ToolName } from '../protocol/environment.js';
import type { CheckRun } from '../protocol/evidence.js';
import { DEFAULT_BUDGET, type TaskRequest } from '../protocol/task.js';
import { removeTree } from '../sandbox/layer.js';
import { type BaseFiles, detectChecks } from '../setup/detect.js';
import { type Environment, environmentAt } from '../setup/environment.js';
import { dependenciesOf, layersOf } from '../setup/snapshot.js';
import { propose } from '../setup/propose.js';
import { servicesOf } from '../setup/services.js';
import { detectTools } from '../setup/tools.js';
import { RunContext } from '../workflow/context.js';
import { nameBase, setupBase } from '../workflow/steps/setup.js';
import { baseFolder, treeOf } from '../workflow/steps/source.js';
import { openToolTree } from '../workflow/steps/tools.js';
import type { App } from './app.js';
import { spokenJournal } from './spoken-journal.js';

/** A repository at its last commit, as an environment is read from it. */
export interface At {
  readonly mirror: Mirror;
  readonly commit: string;
  /** The definition that this installation keeps for it; null when its own holds. */
  readonly given: TaskRequest['environment'];
}

export async function lastCommit(app: App, repository: string): Promise<At> {
  return await lastCommitOf(app, await findSource(repository, app.cwd, app.exceptions));
}

export async function lastCommitOf(app: App, source: Source): Promise<At> {
  const mirror = await openMirror(app.folders.mirrors, locatorOf(source));
  await updateMirror(mirror, source);
  return { mirror, commit: (await resolveRef(mirror, 'HEAD')).commit, given: await app.equipment.definition(mirror.locator) };
}

export interface Detected {
  /** A sallyport.yaml, ready to be looked at and committed. */
  readonly text: string;
  readonly notes: readonly string[];
}

/** What sallyport.yaml could say, from lockfiles, scripts, tool versions, compose and CI files. Nothing of the repository is run or written. */
export async function detectEnvironment(app: App, repository: string): Promise<Detected> {
  return await detectAt(app, await lastCommit(app, repository));
}

/** The same at a commit that is known already. */
export async function detectAt(app: App, { mirror, commit }: At): Promise<Detected> {
  let paths: Promise<readonly string[]> | undefined;
  const base: BaseFiles = {
    read: async (path) => (await readFileAt(mirror, commit, path))?.toString('utf8') ?? null,
    list: () => (paths ??= listTree(mirror, commit).then((entries) => entries.map((e) => e.path.toString('utf8')))),
  };
  const [checks, found, proposal] = [await detectChecks(base), await detectTools(base), await propose(base)];
  const { limits } = EnvironmentSpec.parse({ version: 1 });
  const tools = await fitting(app, proposal.toolchains);
  const body = { version: 1, ...(Object.keys(checks).length > 0 ? { checks } : {}), ...(Object.keys(found).length > 0 ? { tools: found } : {}), ...(Object.keys(tools.toolchains).length > 0 ? { toolchains: tools.toolchains } : {}), ...(Object.keys(proposal.services).length > 0 ? { services: proposal.services } : {}), limits };
  return { text: `${HEAD}${stringify(body)}`, notes: [...tools.notes, ...(checks['lint'] !== undefined && Object.keys(found).length > 0 ? [`the check lint says by one exit code what tools tell finding by finding (${Object.keys(found).join(', ')}): where they cover all of it, it can go`] : []), ...proposal.notes] };
}

/** Of the versions that files pin, those that this machine has: exactly, else of the same minor, else of the same major version. */
async function fitting(app: App, pinned: Readonly<Partial<Record<ToolName, string>>>): Promise<{ readonly toolchains: Partial<Record<ToolName, string>>; readonly notes: readonly string[] }> {
  const toolchains: Partial<Record<ToolName, string>> = {};
  const notes: string[] = [];
  for (const [tool, version] of Object.entries(pinned) as [ToolName, string][]) {
    const parts = version.split('.');
    const wanted = parts.map((_, i) => parts.slice(0, parts.length - i).join('.'));
    const found = await firstThat(wanted, (v) => app.equipment.ground({ rootfs: 'host-usr', toolchains: { [tool]: v } }).then(() => true, () => false));
    if (found !== undefined) toolchains[tool] = found;
    if (found !== version) notes.push(`${tool} ${version} is asked for, and this machine has ${found === undefined ? 'none of that major version: the sandbox has its default' : `another ${found}`}`);
  }
  return { toolchains, notes };
}

async function firstThat<T>(items: readonly T[], holds: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await holds(item)) return item;
  return undefined;
}

const HEAD = '# How Sallyport sets this repository up and checks it. Holds as it stands on the protected branch.\n# Every key: docs/environment.md of Sallyport.\n';

/** The environment that holds for the last commit, with every default. */
export async function showEnvironment(app: App, repository: string): Promise<Environment & { readonly commit: string }> {
  const { mirror, commit, given } = await lastCommit(app, repository);
  return { ...(await environmentAt(mirror, commit, given)), commit };
}

/** Every check and every tool, as they ran once. */
export interface Tested {
  readonly checks: readonly CheckRun[];
  readonly tools: readonly ToolSide[];
}

/** Setup, services, every check and every tool on the last commit, as a run would have them on its base. Nothing of it is on the log. */
export async function testEnvironment(app: App, repository: string, signal: AbortSignal, note: (line: string) => void): Promise<Tested> {
  const at = await lastCommit(app, repository);
  await using held = contextOf(app, at, signal);
  const { context } = held;
  const journal = spokenJournal(note);
  const environment = await environmentAt(at.mirror, at.commit, at.given);
  const tree = await treeOf(context, at.commit);
  const snapshot = await setupBase(context, tree, journal);
  const { driver } = await app.equipment.ground(environment.spec);
  const { servicePrograms } = app.equipment;
  const { limits, variables } = environment.spec;
  const { snapshots } = app.folders;
  const collector = { driver, limits, variables, services: servicesOf(environment.spec, servicePrograms), journal, signal };
  const side = { round: 0, side: 'base' as const, lowers: [...layersOf(snapshots, snapshot), await baseFolder(context, tree)], dependencies: dependenciesOf(snapshots, snapshot) };
  const checks = await collectChecks(collector, side, environment.checks);
  await using toolTree = await openToolTree(at.mirror, at.commit);
  return { checks, tools: await collectTools(collector, side, environment.spec.tools, toolTree) };
}

/** Forgets the frozen setup of the last commit: the next run makes it anew. Returns its id, null when there was none to make. */
export async function resetEnvironment(app: App, repository: string, signal: AbortSignal): Promise<string | null> {
  const at = await lastCommit(app, repository);
  await using held = contextOf(app, at, signal);
  const tree = await treeOf(held.context, at.commit);
  const id = await nameBase(held.context, tree, spokenJournal(() => undefined));
  if (id !== null) await removeTree(join(app.folders.snapshots, id));
  return id;
}

/** A run's context for what is no run. Disposing it releases what it holds. */
export function contextOf(app: App, { mirror, commit, given }: At, signal: AbortSignal): { readonly context: RunContext } & AsyncDisposable {
  const context = new RunContext(app.equipment, {
    task: 'task_try', run: newId('run'), epoch: 0, signal,
    request: { text: 'try', kind: 'ask', agent: 'loop', model: null, repository: mirror.locator, baseCommit: commit, headCommit: null, only: null, requester: app.principal, budget: DEFAULT_BUDGET, environment: given },
  });
  return {
    context,
    async [Symbol.asyncDispose]() {
      await context.release();
      await removeTree(context.folder);
    },
  };
}
