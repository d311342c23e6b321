import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { SallyportError, toSallyportError } from '../../protocol/errors.js';
import type { Guarantee } from '../../protocol/guarantee.js';
import { killGroup } from '../../process/spawn.js';
import type { DriverReport, ExecRequest, Mount, OnceResult, Sandbox, SandboxDriver, SandboxSpec, Usage } from '../sandbox.js';
import { removeTree } from '../layer.js';
import { portableRuntime } from '../portable.js';
import { prepareRuntime, type RuntimeFile } from '../runtime.js';
import { Channel } from '../session/channel.js';
import { type Host, SessionSandbox } from '../session/session.js';
import { baseVariables, INSIDE } from './inside.js';
import { detectCgroups } from './cgroup.js';
import { ExecAudit } from './exec-audit.js';
import { runOnce } from './once.js';
import { reapGroups, sweepGroups, sweepLayers } from './reap.js';
import { OPTIONAL, selfTest } from './self-test.js';
import { HOST_USR, type Root, type RootImage, rootOf } from './root.js';
import { assertNotRoot } from './not-root.js';
import type { Slot, SlotGround } from './slot.js';
import { type Maker, Slots } from './slots.js';
import { CALLS, type Privilege, type Wall } from './stage.js';

const READY_MS = 15_000;
/** An empty group this old was left by a worker that was killed. */
const GROUP_MS = 60_000;
/** A layer that vanishes with its sandbox, this old, was left by a worker that was killed: no command runs longer. */
const LAYER_MS = 24 * 3600 * 1000;

export interface StageOptions {
  /** State folder for the copied runtime, for layers that vanish and for scratch space of probes. */
  readonly folder: string;
  readonly privilege: Privilege;
  /** Must hold `node` (sealed), `exec-server.cjs` and `probe.cjs`. */
  readonly runtime: readonly RuntimeFile[];
  /** Tool folders outside /usr, e.g. a Node that lives in a home. Their bin/ comes first on the PATH inside. */
  readonly toolchains: readonly Mount[];
  readonly arch: 'x64' | 'arm64';
  /** What is seen inside in place of the host's /usr. Default: nothing. */
  readonly root?: RootImage;
  /** Stages that are kept ready for the next sandbox, once one was asked for. Default 1; 0 starts each from nothing. */
  readonly warm?: number;
}

/** What one self-test found out for the rest of this process. */
interface Prepared {
  readonly make: Maker;
  readonly report: DriverReport;
}

export interface StageDriver extends SandboxDriver {
  /** Resolves when the stages that are kept ready are ready. For measurements. */
  settled(): Promise<void>;
}

/** A driver that lays a sandbox out in a stage and puts a wall around it. Nothing inside ever runs with the real uid 0. */
export function createStageDriver(name: string, options: StageOptions, wallOf: (root: Root) => Promise<Wall>): StageDriver {
  let prepared: Promise<Prepared> | undefined;
  const prepare = (): Promise<Prepared> => (prepared ??= layAndTest(options, wallOf));
  const begin = async (spec: SandboxSpec): Promise<Prepared> => {
    const ready = await prepare();
    assertEnforced(spec, ready.report);
    ready.make.slots.keep(options.warm ?? 1);
    return ready;
  };
  const layers = join(options.folder, 'layers');
  return {
    name,
    probe: async () => (await prepare()).report,
    async open(spec) {
      const { make, report } = await begin(spec);
      return await openSandbox(make, spec, report.enforced);
    },
    async once(spec, request) {
      const { make } = await begin(spec);
      return await onceSandbox(make, spec, request);
    },
    settled: async () => await (await prepare()).make.slots.settled(),
    reap: (ids) => reapGroups(ids),
    sweep: async () => {
      await sweepGroups(GROUP_MS, Date.now());
      await sweepLayers(layers, LAYER_MS, Date.now());
    },
    async close() {
      const ready = await prepared?.catch(() => undefined);
      prepared = undefined;
      await ready?.make.slots.close();
      await ready?.make.audit?.close();
    },
  };
}

async function layAndTest(options: StageOptions, wallOf: (root: Root) => Promise<Wall>): Promise<Prepared> {
  const { privilege, folder } = options;
  if (privilege.kind === 'root' && privilege.uid === 0) throw new SallyportError('sandbox.unavailable', 'Cannot start sandboxes: the sandbox user may not be uid 0');
  const root = await rootOf(options.root ?? HOST_USR);
  const files = root.kind === 'host-usr' ? options.runtime : await portableRuntime(options.runtime, options.arch);
  const [runtime, cgroups, wall] = await Promise.all([prepareRuntime(join(folder, 'runtime'), files), detectCgroups(), wallOf(root)]);
  const ground: SlotGround = { runtime, layers: join(folder, 'layers'), privilege, arch: options.arch, wall, roots: root.kind === 'folders' ? root.folders : [], cgroups, images: privilege.kind === 'root', audit: null };
  const { entry } = wall;
  const followed = privilege.kind === 'root' && entry !== null ? () => ExecAudit.start(CALLS[options.arch].mount, entry) : null;
  const scratch = await mkdtemp(join(folder, 'runtime', '.probe-'));
  try {
    const lower = join(scratch, 'lower');
    await mkdir(lower, { mode: 0o755 });
    return await selfTest(ground, followed, (g) => makerOf(options, g), lower, openSandbox);
  } finally {
    await removeTree(scratch);
  }
}

function makerOf(options: StageOptions, ground: SlotGround): Maker {
  const path = options.toolchains.map((t) => `${t.target}/bin`);
  return {
    slots: new Slots(ground),
    audit: ground.audit,
    complete: (asked) => ({
      spec: { ...asked, mounts: [...options.toolchains, ...asked.mounts, ...dependencyMount(asked)] },
      variables: { bare: baseVariables({ ...asked, variables: {}, dependencies: null }, path), full: baseVariables(asked, path) },
    }),
  };
}

function dependencyMount({ dependencies }: SandboxSpec): Mount[] {
  return dependencies === undefined || dependencies === null ? [] : [{ source: dependencies.folder, target: INSIDE.dependencies, writable: dependencies.writable }];
}

function assertEnforced(spec: SandboxSpec, report: DriverReport): void {
  const lacking = spec.demanded.filter((g) => !report.enforced.includes(g));
  if (lacking.length === 0) return;
  const first = report.missing.find((m) => lacking.includes(m.guarantee));
  throw new SallyportError('sandbox.not_enforced', `Cannot start sandbox "${spec.id}": the run demands ${lacking.join(', ')}, and the driver does not enforce it${first === undefined ? '' : ` (${first.why})`}`, {
    hint: first?.hint ?? (lacking.includes('second_kernel') ? 'gVisor gives it: SALLYPORT_SANDBOX=podman SALLYPORT_SANDBOX_RUNTIME=runsc' : 'sallyport doctor shows what is missing.'),
  });
}

async function openSandbox(make: Maker, asked: SandboxSpec, enforced: readonly Guarantee[]): Promise<Sandbox> {
  const { spec, variables } = make.complete(asked);
  const slot = await make.slots.take(spec);
  try {
    await slot.claim(spec, [`${INSIDE.runtime}/node`, '--max-old-space-size=256', `${INSIDE.runtime}/exec-server.cjs`, ...(make.slots.stdio ? ['stdio'] : [])]);
    const channel = await ready(slot);
    await assertNotRoot(slot.child.pid, make.slots.depth);
    make.slots.refill();
    return new SessionSandbox({ id: spec.id, phase: spec.phase, enforced, missing: OPTIONAL.filter((g) => !enforced.includes(g)), variables, workspace: INSIDE.workspace }, channel, hostOf(slot));
  } catch (error) {
    await slot.end();
    throw error;
  }
}

async function onceSandbox(make: Maker, asked: SandboxSpec, request: ExecRequest): Promise<OnceResult> {
  if (request.input !== undefined || request.terminal !== undefined) throw new SallyportError('internal.bug', 'One command alone takes no input as it comes and no terminal: open a session');
  const { spec, variables } = make.complete(asked);
  const slot = await make.slots.take(spec);
  try {
    const began = performance.now();
    const env = { ...(request.bare === true ? variables.bare : variables.full), ...request.env };
    await slot.claim(spec, request.argv, { cwd: request.cwd ?? INSIDE.workspace, variables: env });
    slot.child.stdin?.end(request.stdin);
    const result = await runOnce(slot, request, began, make.slots.depth);
    return { result, usage: await usageOf(slot), executed: slot.executed() };
  } finally {
    await slot.end();
    make.slots.refill();
  }
}

/** The channel to the exec server, which has said that it is ready. */
async function ready(slot: Slot): Promise<Channel> {
  const channel = new Channel(slot.channel(), () => killGroup(slot.child));
  slot.child.once('exit', () => channel.end(new SallyportError('sandbox.failed', 'The sandbox ended')));
  const late = setTimeout(() => channel.end(new SallyportError('sandbox.failed', `The sandbox was not ready after ${READY_MS} ms`)), READY_MS);
  try {
    await channel.ready;
    return channel;
  } catch (error) {
    await slot.end();
    throw slot.explain(toSallyportError(error));
  } finally {
    clearTimeout(late);
  }
}

/** What ends a sandbox and counts for it. */
function hostOf(slot: Slot): Host {
  return {
    oomKills: async () => (await slot.cgroup?.oomKills()) ?? 0,
    giveUp: () => killGroup(slot.child),
    executed: () => slot.executed(),
    async end() {
      await slot.kill();
      const [usage, executed] = [await usageOf(slot), slot.executed()];
      await slot.end();
      return { usage, executed };
    },
  };
}

async function usageOf(slot: Slot): Promise<Usage> {
  return (await slot.cgroup?.usage()) ?? { oomKills: 0, pidsRefused: 0, peakBytes: null, cpuMs: null };
}
