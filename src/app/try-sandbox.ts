import { chmod, chown, mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../attest/digest.js';
import { findSource, locatorOf, openMirror, resolveRef, updateMirror } from '../git/mirror.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import type { EventData, EventType, Journal } from '../protocol/event.js';
import { newId } from '../protocol/ids.js';
import { DEFAULT_BUDGET } from '../protocol/task.js';
import { removeTree } from '../sandbox/layer.js';
import type { Sandbox, SandboxSpec } from '../sandbox/sandbox.js';
import { dependenciesOf, layersOf } from '../setup/prepare.js';
import { RunContext } from '../workflow/context.js';
import { setupBase } from '../workflow/steps/setup.js';
import { baseFolder, environmentOf, treeOf } from '../workflow/steps/source.js';
import type { App } from './app.js';

export interface TryOptions {
  /** Folder or URL; null = an empty workspace. */
  readonly repository: string | null;
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
  const made = options.repository === null ? await empty(app) : await ofRepository(app, options.repository, options);
  try {
    const sandbox = await app.equipment.driver.open({ id: newId('sb'), phase: 'agent', demanded: ALWAYS_DEMANDED, mounts: [], egressSocket: null, scratch: null, ...made.spec });
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

interface Made {
  readonly spec: Pick<SandboxSpec, 'workspace' | 'limits' | 'variables' | 'dependencies'>;
  readonly release: () => Promise<void>;
}

async function empty(app: App): Promise<Made> {
  const folder = await mkdtemp(join(app.folders.trees, '.draft-try-'));
  const { owner } = app.equipment;
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'tree'), { mode: 0o755 });
  if (owner !== null) await chown(join(folder, 'tree'), owner.uid, owner.gid);
  return {
    spec: { workspace: { lowers: [join(folder, 'tree')], layer: null, fresh: true }, limits: { memory: 4096, pids: 512, cpus: 2 }, variables: {} },
    release: () => removeTree(folder),
  };
}

async function ofRepository(app: App, repository: string, options: TryOptions): Promise<Made> {
  const source = await findSource(repository, app.cwd, app.exceptions);
  const mirror = await openMirror(app.folders.mirrors, locatorOf(source));
  await updateMirror(mirror, source);
  const { commit } = await resolveRef(mirror, 'HEAD');
  const context = new RunContext(app.equipment, {
    task: 'task_try', run: newId('run'), epoch: 0, signal: options.signal,
    request: { text: 'try', kind: 'ask', agent: 'loop', model: null, repository: mirror.locator, baseCommit: commit, headCommit: null, only: null, requester: app.principal, budget: DEFAULT_BUDGET, environment: null },
  });
  const { spec } = await environmentOf(context);
  const tree = await treeOf(context, commit);
  const snapshot = await setupBase(context, tree, spokenJournal(options.note));
  const lowers = [...layersOf(app.folders.snapshots, snapshot), await baseFolder(context, tree)];
  return {
    spec: { workspace: { lowers, layer: null, fresh: true }, limits: spec.limits, variables: spec.variables, dependencies: dependenciesOf(app.folders.snapshots, snapshot) },
    release: () => context.release(),
  };
}

/** Says what a person waits for, and keeps nothing. */
function spokenJournal(note: (line: string) => void): Journal {
  const line = <T extends EventType>(type: T, data: EventData<T>): string | null => {
    if (type === 'snapshot.frozen') return `setup    ${(data as EventData<'snapshot.frozen'>).snapshot}${(data as EventData<'snapshot.frozen'>).reused ? ' (used again)' : ''}`;
    if (type !== 'egress.requested') return null;
    const { verdict, method, target, rule } = data as EventData<'egress.requested'>;
    return verdict === 'deny' ? `refused  ${method} ${target} (${rule})` : null;
  };
  return {
    record: async (type, data) => {
      const text = line(type, data);
      if (text !== null) note(text);
    },
    keep: async (body, media) => ({ digest: digestOf(body.toString('base64')), bytes: body.length, blind: false, media }),
  };
}
