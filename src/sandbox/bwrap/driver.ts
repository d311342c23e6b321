import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex, Writable } from 'node:stream';
import { SallyportError, toSallyportError } from '../../protocol/errors.js';
import { ALWAYS_DEMANDED, type Guarantee } from '../../protocol/guarantee.js';
import { newId } from '../../protocol/ids.js';
import { type ChildProcess, killGroup, start } from '../../process/spawn.js';
import type { DriverReport, ExecRequest, ExecResult, Mount, Sandbox, SandboxDriver, SandboxSpec, Usage } from '../sandbox.js';
import { makeLayer, removeTree } from '../layer.js';
import { seccompFilter } from '../seccomp.js';
import { PROBE_ARGV, readProbes } from '../probes.js';
import { baseVariables, bwrapArgs, FD, INSIDE } from './args.js';
import { type Cgroup, type CgroupSupport, detectCgroups, makeCgroup, missingLimits } from './cgroup.js';
import { Channel } from './channel.js';
import { reapGroups, sweepGroups } from './reap.js';
import { runCommand } from './command.js';
import { prepareRuntime, type RuntimeFile } from './runtime.js';
import { pickStage, type Privilege, sourcesOf, stageCommand } from './stage.js';

const READY_MS = 15_000;
/** Bytes of one file that a sandbox can write; there is no quota for all files together yet. */
const LARGEST_FILE = 20 * 1024 ** 3;
/** An empty group this old was left by a worker that was killed. */
const GROUP_MS = 60_000;

export interface BwrapOptions {
  /** State folder for the copied runtime and for scratch space of probes. */
  readonly folder: string;
  readonly privilege: Privilege;
  /** Must hold `node` (sealed), `exec-server.cjs` and `probe.cjs`. */
  readonly runtime: readonly RuntimeFile[];
  /** Tool folders outside /usr, e.g. a Node that lives in a home. Their bin/ comes first on the PATH inside. */
  readonly toolchains: readonly Mount[];
  readonly arch: 'x64' | 'arm64';
}

/** The variables of a command: with and without those that the environment definition names. */
type Variables = Readonly<Record<'bare' | 'full', Readonly<Record<string, string>>>>;

/** What one self-test found out for the rest of this process. */
interface Ground {
  readonly runtime: string;
  readonly cgroups: CgroupSupport;
}

/** The bubblewrap driver. Never runs bwrap with the real uid 0. */
export function createBwrapDriver(options: BwrapOptions): SandboxDriver {
  let ground: Promise<Ground> | undefined;
  let probed: Promise<DriverReport> | undefined;
  const prepare = (): Promise<Ground> => (ground ??= lay(options));
  const probe = (): Promise<DriverReport> => (probed ??= prepare().then((g) => selfTest(options, g)));
  return {
    name: 'bwrap',
    probe,
    async open(spec) {
      const report = await probe();
      assertEnforced(spec, report);
      return await openSandbox(options, await prepare(), spec, report.enforced);
    },
    reap: (ids) => reapGroups(ids),
    sweep: async () => void (await sweepGroups(GROUP_MS, Date.now())),
  };
}

async function lay(options: BwrapOptions): Promise<Ground> {
  if (options.privilege.kind === 'root' && options.privilege.uid === 0) throw new SallyportError('sandbox.unavailable', 'Cannot start sandboxes: the sandbox user may not be uid 0');
  const [runtime, cgroups] = await Promise.all([prepareRuntime(join(options.folder, 'runtime'), options.runtime), detectCgroups()]);
  return { runtime, cgroups };
}

function assertEnforced(spec: SandboxSpec, report: DriverReport): void {
  const lacking = spec.demanded.filter((g) => !report.enforced.includes(g));
  if (lacking.length === 0) return;
  const first = report.missing.find((m) => lacking.includes(m.guarantee));
  throw new SallyportError('sandbox.not_enforced', `Cannot start sandbox "${spec.id}": the run demands ${lacking.join(', ')}, and the driver does not enforce it${first === undefined ? '' : ` (${first.why})`}`, {
    hint: first?.hint ?? 'sallyport doctor shows what is missing.',
  });
}

/** Opens a real sandbox and lets the probe program look for a way out. Everything that is reported was seen to hold. */
async function selfTest(options: BwrapOptions, ground: Ground): Promise<DriverReport> {
  const folder = await mkdtemp(join(options.folder, 'runtime', '.probe-'));
  try {
    const [lower, layer] = [join(folder, 'lower'), join(folder, 'layer')];
    await mkdir(lower, { mode: 0o755 });
    await makeLayer(layer, options.privilege.kind === 'root' ? options.privilege : null);
    const spec: SandboxSpec = {
      id: newId('sb'), phase: 'probe', demanded: [], workspace: { lowers: [lower], layer }, mounts: [], egressSocket: null, scratch: null,
      limits: { memory: 512, pids: 64, cpus: 1 }, variables: {},
    };
    await using sandbox = await openSandbox(options, ground, spec, []);
    const result = await sandbox.exec({ argv: PROBE_ARGV, timeout: 10_000, maxOutput: 100_000 });
    const probes = readProbes(result);
    const failed = probes.filter((p) => !p.ok);
    if (failed.length > 0) throw new SallyportError('sandbox.unavailable', `The sandbox does not hold: ${failed.map((p) => `${p.id}: ${p.detail}`).join('; ')}`);
    const missing = missingLimits(ground.cgroups);
    const limits = missing.length > 0 ? [] : (['memory_limit', 'pids_limit', 'cpu_limit'] as const);
    return { driver: 'bwrap', enforced: [...ALWAYS_DEMANDED, ...limits], missing };
  } finally {
    await removeTree(folder);
  }
}

function dependencyMount({ dependencies }: SandboxSpec): Mount[] {
  return dependencies === undefined || dependencies === null ? [] : [{ source: dependencies.folder, target: INSIDE.dependencies, writable: dependencies.writable }];
}

async function openSandbox(options: BwrapOptions, ground: Ground, asked: SandboxSpec, enforced: readonly Guarantee[]): Promise<Sandbox> {
  const toolchains = options.toolchains.map((t) => `${t.target}/bin`);
  const spec: SandboxSpec = { ...asked, mounts: [...options.toolchains, ...asked.mounts, ...dependencyMount(asked)] };
  const stage = pickStage(sourcesOf(spec, ground.runtime));
  const cgroup = await makeCgroup(ground.cgroups, spec.id, spec.limits);
  let child: ChildProcess | undefined;
  try {
    const inside = [`${INSIDE.runtime}/node`, '--max-old-space-size=256', `${INSIDE.runtime}/exec-server.cjs`];
    const wrap = ['/usr/bin/prlimit', `--fsize=${LARGEST_FILE}`, '--core=0'];
    const command = stageCommand(spec, stage, ground.runtime, options.privilege, cgroup?.procs ?? [], wrap);
    child = await start([...command, '--', ...inside], { cwd: '/', env: {}, stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'] });
    const stderr = tail(child);
    pipe(child, FD.args).end(`${bwrapArgs(spec, stage).join('\0')}\0`);
    pipe(child, FD.seccomp).end(seccompFilter(options.arch));
    return await ready(child, spec, cgroup, enforced, { bare: baseVariables({ ...spec, variables: {}, dependencies: null }, toolchains), full: baseVariables(spec, toolchains) }, stderr);
  } catch (error) {
    if (child !== undefined) await kill(child);
    await cgroup?.remove();
    throw error;
  }
}

async function ready(child: ChildProcess, spec: SandboxSpec, cgroup: Cgroup | null, enforced: readonly Guarantee[], variables: Variables, stderr: () => string): Promise<Sandbox> {
  const giveUp = (): void => killGroup(child);
  const channel = new Channel(child.stdio[FD.channel] as Duplex, giveUp);
  child.once('exit', () => channel.end(new SallyportError('sandbox.failed', 'The sandbox ended')));
  const late = setTimeout(() => channel.end(new SallyportError('sandbox.failed', `The sandbox was not ready after ${READY_MS} ms`)), READY_MS);
  try {
    await channel.ready;
  } catch (error) {
    await kill(child);
    throw explain(toSallyportError(error), stderr());
  } finally {
    clearTimeout(late);
  }
  await assertNotRoot(child);
  return new BwrapSandbox(child, spec, cgroup, enforced, variables, channel);
}

class BwrapSandbox implements Sandbox {
  readonly id: string;
  readonly phase: SandboxSpec['phase'];
  readonly enforced: readonly Guarantee[];
  readonly missing: readonly Guarantee[];
  readonly #child: ChildProcess;
  readonly #cgroup: Cgroup | null;
  readonly #variables: Variables;
  readonly #channel: Channel;
  #closed: Promise<Usage> | undefined;
  #commands = 0;

  constructor(child: ChildProcess, spec: SandboxSpec, cgroup: Cgroup | null, enforced: readonly Guarantee[], variables: Variables, channel: Channel) {
    this.id = spec.id;
    this.phase = spec.phase;
    this.enforced = enforced;
    this.missing = (['memory_limit', 'pids_limit', 'cpu_limit'] as const).filter((g) => !enforced.includes(g));
    this.#child = child;
    this.#cgroup = cgroup;
    this.#variables = variables;
    this.#channel = channel;
  }

  exec(request: ExecRequest): Promise<ExecResult> {
    return runCommand(request, {
      id: `c${this.#commands++}`, channel: this.#channel, cwd: request.cwd ?? INSIDE.workspace,
      env: { ...(request.bare === true ? this.#variables.bare : this.#variables.full), ...request.env },
      oomKills: async () => (await this.#cgroup?.oomKills()) ?? 0,
      giveUp: () => killGroup(this.#child),
    });
  }

  close(): Promise<Usage> {
    return (this.#closed ??= this.#end());
  }

  async #end(): Promise<Usage> {
    await kill(this.#child);
    this.#channel.end(new SallyportError('sandbox.failed', 'The sandbox was closed'));
    const usage = (await this.#cgroup?.usage()) ?? { oomKills: 0, pidsRefused: 0, peakBytes: null, cpuMs: null };
    await this.#cgroup?.remove();
    return usage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Host's truth: the process that became bwrap must not have the real uid 0, whatever was asked for. */
async function assertNotRoot(child: ChildProcess): Promise<void> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
  const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  if (uid !== undefined && uid !== '0') return;
  await kill(child);
  throw new SallyportError('sandbox.not_enforced', `Cannot use the sandbox: its process has uid ${uid ?? 'unknown'} on the host, need one that is not 0`);
}

/** Kills bwrap; everything inside dies with it (--die-with-parent, own pid namespace). Resolves when it is reaped. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  killGroup(child);
  await gone;
}

function pipe(child: ChildProcess, fd: number): Writable {
  const stream = child.stdio[fd] as Writable;
  stream.on('error', () => undefined); // EPIPE when the child failed before reading: its own message tells why
  return stream;
}

function tail(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text = (text + chunk.toString('utf8')).slice(0, 2000)));
  return () => text.trim();
}

/** Turns what bwrap, mount or unshare printed into an error with a remedy. */
function explain(error: SallyportError, stderr: string): SallyportError {
  if (error.code === 'sandbox.protocol') return error;
  const [pattern, hint] = REMEDIES.find(([p]) => p.test(stderr)) ?? [null, 'sallyport doctor shows what is missing.'];
  return new SallyportError(pattern === null ? 'sandbox.failed' : 'sandbox.unavailable', `Cannot start the sandbox: ${stderr === '' ? error.message : stderr}`, { hint, cause: error });
}

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/bwrap: not found|bwrap: No such file|failed to execute \/usr\/bin\/bwrap/, 'Install bubblewrap: apt-get install bubblewrap'],
  [/mount: .*(permission denied|must be superuser|operation not permitted)/i, 'Mounts are refused to this process, as in a container: run Sallyport outside of it, or give the container CAP_SYS_ADMIN and no AppArmor or seccomp profile that forbids mount.'],
  [/unshare failed|No permissions to creat|Creating new namespace failed|setting up uid map/, 'User namespaces are not available to this user. On Ubuntu 23.10 or newer allow them for bwrap by an AppArmor profile, or sysctl kernel.apparmor_restrict_unprivileged_userns=0; elsewhere sysctl user.max_user_namespaces=10000.'],
  [/disable userns|userns.*not disabled|assert-userns/, 'bubblewrap 0.8 or newer is needed.'],
];
