import { readFile } from 'node:fs/promises';
import type { Duplex, Writable } from 'node:stream';
import { type ChildProcess, killGroup, start } from '../../../src/process/spawn.js';
import { SallyportError } from '../../../src/protocol/errors.js';
import { baseVariables, bwrapArgs, FD, INSIDE } from '../../../src/sandbox/bwrap/args.js';
import { detectCgroups, makeCgroup } from '../../../src/sandbox/bwrap/cgroup.js';
import { Channel } from '../../../src/sandbox/bwrap/channel.js';
import { runCommand } from '../../../src/sandbox/bwrap/command.js';
import { prepareRuntime } from '../../../src/sandbox/bwrap/runtime.js';
import { type Privilege, pickStage, sourcesOf, stageCommand } from '../../../src/sandbox/bwrap/stage.js';
import type { Sandbox, SandboxSpec, Usage } from '../../../src/sandbox/sandbox.js';
import { seccompFilter } from '../../../src/sandbox/seccomp.js';
import { runtimeFiles } from '../../../src/main/installation.js';

/** One defence that a control takes away. Exists in the suite only: nothing of src/ can be told to start less than everything. */
export interface Weakening {
  /** What is missing, for the table. */
  readonly says: string;
  readonly args?: (args: readonly string[], spec: SandboxSpec) => readonly string[];
  readonly filter?: (filter: Buffer) => Buffer;
  /** The bound of memory, processes and time on a CPU is left out. */
  readonly unlimited?: boolean;
  /** Descriptors that were left open stay open. */
  readonly descriptors?: boolean;
  /** Node is readable inside, so that its memory is open to the same uid. */
  readonly readable?: boolean;
  /** Put in front of bwrap instead of prlimit. */
  readonly wrap?: readonly string[];
  /** Replaces the exec server. */
  readonly server?: readonly string[];
  /** More programs that the server named in `server` needs, shown below /opt/sallyport. */
}

const runtimes = new Map<boolean, Promise<string>>();
let cgroups: ReturnType<typeof detectCgroups> | undefined;

/** Prepared once: it hashes all programs. */
function runtimeOf(folder: string, sealed: boolean): Promise<string> {
  const known = runtimes.get(sealed) ?? prepareRuntime(`${folder}/runtime`, runtimeFiles().map((file) => (sealed ? file : { ...file, sealed: false })));
  runtimes.set(sealed, known);
  return known;
}

/** Opens a sandbox from the driver's own pieces, with `weakening` applied to exactly one of them. */
export async function openWeak(folder: string, privilege: Privilege, spec: SandboxSpec, weakening: Weakening): Promise<Sandbox> {
  const runtime = await runtimeOf(folder, weakening.readable !== true);
  const stage = pickStage(sourcesOf(spec, runtime));
  const cgroup = weakening.unlimited === true ? null : await makeCgroup(await (cgroups ??= detectCgroups()), spec.id, spec.limits);
  const inside = weakening.server ?? [`${INSIDE.runtime}/node`, `${INSIDE.runtime}/exec-server.cjs`];
  const command = stageCommand(spec, stage, runtime, privilege, cgroup?.procs ?? [], weakening.wrap ?? ['/usr/bin/prlimit', '--fsize=21474836480', '--core=0'])
    .map((part) => (weakening.descriptors === true ? part.replace(/for open in[\s\S]*?done\n/, '') : part));
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const filter = seccompFilter(arch);
  const args = bwrapArgs(spec, stage);
  let child: ChildProcess | undefined;
  try {
    child = await start([...command, '--', ...inside], { cwd: '/', env: {}, stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'] });
    const said = tail(child);
    feed(child, FD.args, `${(weakening.args?.(args, spec) ?? args).join('\0')}\0`);
    feed(child, FD.seccomp, weakening.filter?.(filter) ?? filter);
    const live = child;
    const channel = new Channel(live.stdio[FD.channel] as Duplex, () => killGroup(live));
    live.once('exit', () => channel.end(new SallyportError('sandbox.failed', `The weakened sandbox ended: ${said()}`)));
    const late = setTimeout(() => channel.end(new SallyportError('sandbox.failed', `The weakened sandbox was not ready: ${said()}`)), 15_000);
    try {
      await channel.ready;
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)} ${said()}`);
    } finally {
      clearTimeout(late);
    }
    return sandboxOf(live, spec, channel, cgroup);
  } catch (error) {
    if (child !== undefined) await end(child);
    await cgroup?.remove();
    throw error;
  }
}

function sandboxOf(child: ChildProcess, spec: SandboxSpec, channel: Channel, cgroup: Awaited<ReturnType<typeof makeCgroup>>): Sandbox {
  let commands = 0;
  let closed: Promise<Usage> | undefined;
  const close = (): Promise<Usage> => (closed ??= (async () => {
    await end(child);
    channel.end(new SallyportError('sandbox.failed', 'The sandbox was closed'));
    const usage = (await cgroup?.usage()) ?? { oomKills: 0, pidsRefused: 0, peakBytes: null, cpuMs: null };
    await cgroup?.remove();
    return usage;
  })());
  return {
    id: spec.id, phase: spec.phase, enforced: [], missing: [], close,
    exec: (request) => runCommand(request, {
      id: `c${commands++}`, channel, cwd: request.cwd ?? INSIDE.workspace, env: { ...baseVariables(request.bare === true ? { ...spec, variables: {} } : spec, []), ...request.env },
      oomKills: async () => (await cgroup?.oomKills()) ?? 0, giveUp: () => killGroup(child),
    }),
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}

/** Without a pid namespace not everything inside ends with bwrap: its whole tree is looked up first. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => void child.once('exit', () => resolve())); // it may end while its tree is looked up
  const below = await descendants(child.pid);
  killGroup(child);
  for (const pid of below) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it ended with bwrap, as it should
    }
  }
  await gone;
}

async function descendants(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const own = text.split(' ').map(Number).filter((n) => n > 1);
  return [...own, ...(await Promise.all(own.map(descendants))).flat()];
}

function feed(child: ChildProcess, fd: number, bytes: Buffer | string): void {
  const stream = child.stdio[fd] as Writable;
  stream.on('error', () => undefined);
  stream.end(bytes);
}

function tail(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text = (text + chunk.toString('utf8')).slice(0, 2000)));
  return () => text.trim();
}
