import { join } from 'node:path';
import { stringify } from 'yaml';
import { collectChecks } from '../gate/collect.js';
import { readFileAt } from '../git/change.js';
import { findSource, locatorOf, type Mirror, openMirror, resolveRef, updateMirror } from '../git/mirror.js';
import type { Source } from '../git/url.js';
import { listTree } from '../git/tree.js';
import { newId } from '../protocol/ids.js';
import { EnvironmentSpec } from '../protocol/environment.js';
import type { CheckRun } from '../protocol/evidence.js';
import { DEFAULT_BUDGET } from '../protocol/task.js';
import { removeTree } from '../sandbox/layer.js';
import { type BaseFiles, detectChecks } from '../setup/detect.js';
import { type Environment, environmentAt } from '../setup/environment.js';
import { dependenciesOf, layersOf } from '../setup/prepare.js';
import { propose } from '../setup/propose.js';
import { servicesOf } from '../setup/services.js';
import { RunContext } from '../workflow/context.js';
import { nameBase, setupBase } from '../workflow/steps/setup.js';
import { baseFolder, treeOf } from '../workflow/steps/source.js';
import type { App } from './app.js';
import { spokenJournal } from './spoken-journal.js';

/** A repository at its last commit, as an environment is read from it. */
export interface At {
  readonly mirror: Mirror;
  readonly commit: string;
}

export async function lastCommit(app: App, repository: string): Promise<At> {
  return await lastCommitOf(app, await findSource(repository, app.cwd, app.exceptions));
}

export async function lastCommitOf(app: App, source: Source): Promise<At> {
  const mirror = await openMirror(app.folders.mirrors, locatorOf(source));
  await updateMirror(mirror, source);
  return { mirror, commit: (await resolveRef(mirror, 'HEAD')).commit };
}

export interface Detected {
  /** A sallyport.yaml, ready to be looked at and committed. */
  readonly text: string;
  readonly notes: readonly string[];
}

/** What sallyport.yaml could say, from lockfiles, scripts, tool versions, compose and CI files. Nothing of the repository is run or written. */
export async function detectEnvironment(app: App, repository: string): Promise<Detected> {
  return await detectAt(await lastCommit(app, repository));
}

/** The same at a commit that is known already. */
export async function detectAt({ mirror, commit }: At): Promise<Detected> {
  let paths: Promise<readonly string[]> | undefined;
  const base: BaseFiles = {
    read: async (path) => (await readFileAt(mirror, commit, path))?.toString('utf8') ?? null,
    list: () => (paths ??= listTree(mirror, commit).then((entries) => entries.map((e) => e.path.toString('utf8')))),
  };
  const [checks, proposal] = [await detectChecks(base), await propose(base)];
  const { limits } = EnvironmentSpec.parse({ version: 1 });
  const body = { version: 1, ...(Object.keys(checks).length > 0 ? { checks } : {}), ...(Object.keys(proposal.services).length > 0 ? { services: proposal.services } : {}), limits };
  return { text: `${HEAD}${stringify(body)}`, notes: proposal.notes };
}

const HEAD = '# How Sallyport sets this repository up and checks it. Holds as it stands on the protected branch.\n# Every key: docs/environment.md of Sallyport.\n';

/** The environment that holds for the last commit, with every default. */
export async function showEnvironment(app: App, repository: string): Promise<Environment & { readonly commit: string }> {
  const { mirror, commit } = await lastCommit(app, repository);
  return { ...(await environmentAt(mirror, commit, null)), commit };
}

/** Setup, services and every check on the last commit, as a run would have them on its base. Nothing of it is on the log. */
export async function testEnvironment(app: App, repository: string, signal: AbortSignal, note: (line: string) => void): Promise<readonly CheckRun[]> {
  const at = await lastCommit(app, repository);
  await using held = contextOf(app, at, signal);
  const { context } = held;
  const journal = spokenJournal(note);
  const environment = await environmentAt(at.mirror, at.commit, null);
  const tree = await treeOf(context, at.commit);
  const snapshot = await setupBase(context, tree, journal);
  const { driver, servicePrograms } = app.equipment;
  const { limits, variables } = environment.spec;
  const { snapshots } = app.folders;
  return await collectChecks({ driver, limits, variables, services: servicesOf(environment.spec, servicePrograms), journal, signal }, {
    round: 0, side: 'base', lowers: [...layersOf(snapshots, snapshot), await baseFolder(context, tree)], dependencies: dependenciesOf(snapshots, snapshot),
  }, environment.checks);
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
export function contextOf(app: App, { mirror, commit }: At, signal: AbortSignal): { readonly context: RunContext } & AsyncDisposable {
  const context = new RunContext(app.equipment, {
    task: 'task_try', run: newId('run'), epoch: 0, signal,
    request: { text: 'try', kind: 'ask', agent: 'loop', model: null, repository: mirror.locator, baseCommit: commit, headCommit: null, only: null, requester: app.principal, budget: DEFAULT_BUDGET, environment: null },
  });
  return {
    context,
    async [Symbol.asyncDispose]() {
      await context.release();
      await removeTree(context.folder);
    },
  };
}
