import { chmod, chown, mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { SallyportError } from '../protocol/errors.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import { newId } from '../protocol/ids.js';
import { removeTree } from '../sandbox/layer.js';
import type { Sandbox, SandboxDriver, SandboxSpec } from '../sandbox/sandbox.js';
import { dependenciesOf, layersOf } from '../setup/snapshot.js';
import { servicesOf } from '../setup/services.js';
import { setupBase, tryFetch } from '../workflow/steps/setup.js';
import { baseFolder, environmentOf, treeOf } from '../workflow/steps/source.js';
import type { App } from './app.js';
import { contextOf, lastCommit } from './environment.js';
import { spokenJournal } from './spoken-journal.js';

export interface TryOptions {
  /** Folder or URL; null = an empty workspace. */
  readonly repository: string | null;
  /** `agent`: as an agent gets it. `setup`: as the clients of registries get it, with manifests alone and the door. Needs a repository. */
  readonly phase: 'agent' | 'setup';
  readonly signal: AbortSignal;
  /** What a person should see while things are made ready: one line each. */
  readonly note: (line: string) => void;
}

/** A sandbox for a person to look around in. Whoever opened it disposes it. */
export interface Tried extends AsyncDisposable {
  readonly sandbox: Sandbox;
}

/**
 * Opens a sandbox as an agent would get it: the repository's last commit with its frozen setup, no route out, and a layer that vanishes. A person's
 * own try: nothing of it is on the log. Throws like a run would.
 */
export async function trySandbox(app: App, options: TryOptions): Promise<Tried> {
  if (options.phase === 'setup') return await trySetup(app, options);
  const made = options.repository === null ? await empty(app) : await ofRepository(app, options.repository, options);
  try {
    const sandbox = await made.driver.open({ id: newId('sb'), phase: 'agent', demanded: ALWAYS_DEMANDED, egressSocket: null, scratch: null, ...made.spec });
    await made.start(sandbox).catch(async (error: unknown) => {
      await sandbox.close();
      throw error;
    });
    return {
      sandbox,
      async [Symbol.asyncDispose]() {
        await sandbox.close();
        await made.release();
      },
    };
  } catch (error) {
    await made.release();
    throw error;
  }
}

async function trySetup(app: App, options: TryOptions): Promise<Tried> {
  if (options.repository === null) throw new SallyportError('input.invalid', 'The setup phase needs a repository, whose manifests it sees', { hint: 'sallyport sandbox exec --phase setup --repo DIR -- COMMAND' });
  const at = await lastCommit(app, options.repository);
  const held = contextOf(app, at, options.signal);
  try {
    const opened = await tryFetch(held.context, await treeOf(held.context, at.commit), spokenJournal(options.note));
    for (const { argv, env } of opened.commands) options.note(`a setup would run: ${[...Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`), ...argv].join(' ')}`);
    return {
      sandbox: opened.sandbox,
      async [Symbol.asyncDispose]() {
        await opened[Symbol.asyncDispose]();
        await held[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}

interface Made {
  readonly driver: SandboxDriver;
  readonly spec: Pick<SandboxSpec, 'workspace' | 'limits' | 'variables' | 'dependencies' | 'mounts'>;
  /** Starts what belongs to it. */
  readonly start: (sandbox: Sandbox) => Promise<void>;
  readonly release: () => Promise<void>;
}

async function empty(app: App): Promise<Made> {
  const folder = await mkdtemp(join(app.folders.trees, '.draft-try-'));
  const { owner } = app.equipment;
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'tree'), { mode: 0o755 });
  if (owner !== null) await chown(join(folder, 'tree'), owner.uid, owner.gid);
  return {
    driver: app.equipment.driver,
    spec: { workspace: { lowers: [join(folder, 'tree')], layer: null, fresh: true }, limits: { memory: 4096, pids: 512, cpus: 2 }, variables: {}, mounts: [] },
    start: async () => undefined,
    release: () => removeTree(folder),
  };
}

async function ofRepository(app: App, repository: string, options: TryOptions): Promise<Made> {
  const at = await lastCommit(app, repository);
  const held = contextOf(app, at, options.signal);
  const { context } = held;
  const release = async (): Promise<void> => await held[Symbol.asyncDispose]();
  try {
    const { spec } = await environmentOf(context);
    const tree = await treeOf(context, at.commit);
    const journal = spokenJournal(options.note);
    const snapshot = await setupBase(context, tree, journal);
    const services = servicesOf(spec, app.equipment.servicePrograms);
    const lowers = [...layersOf(app.folders.snapshots, snapshot), await baseFolder(context, tree)];
    return {
      driver: (await app.equipment.ground(spec)).driver,
      spec: { workspace: { lowers, layer: null, fresh: true }, limits: spec.limits, variables: { ...services.variables, ...spec.variables }, dependencies: dependenciesOf(app.folders.snapshots, snapshot), mounts: services.mounts },
      start: (sandbox) => services.start(sandbox, journal, options.signal), release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}
