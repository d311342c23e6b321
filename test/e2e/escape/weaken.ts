import { readFile } from 'node:fs/promises';
import type { Duplex, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildProcess, killGroup, start } from '../../../src/process/spawn.js';
import { SallyportError } from '../../../src/protocol/errors.js';
import { bwrapArgs } from '../../../src/sandbox/bwrap/args.js';
import { bwrapWall } from '../../../src/sandbox/bwrap/wall.js';
import { HOST_USR } from '../../../src/sandbox/stage/root.js';
import { detectCgroups, prepareCgroup } from '../../../src/sandbox/stage/cgroup.js';
import { baseVariables, FD, INSIDE } from '../../../src/sandbox/stage/inside.js';
import { ordersOf, type Privilege, pickStage, sourcesOf, stageCommand } from '../../../src/sandbox/stage/stage.js';
import { prepareRuntime } from '../../../src/sandbox/runtime.js';
import type { Sandbox, SandboxSpec } from '../../../src/sandbox/sandbox.js';
import { seccompFilter } from '../../../src/sandbox/seccomp.js';
import { Channel } from '../../../src/sandbox/session/channel.js';
import { SessionSandbox } from '../../../src/sandbox/session/session.js';
import { runtimeFiles } from '../../../src/main/installation.js';

/** One defence that a control takes away. Exists in the suite only: nothing of src/ can be told to start less than everything. */
export interface Weakening {
  /** What is missing, for the table. */
  readonly says: string;
  readonly args?: (args: readonly string[], spec: SandboxSpec) => readonly string[];
  readonly filter?: (filter: Buffer) => Buffer;
  /** A part of the program that lays a sandbox out. */
  readonly program?: (text: string) => string;
  /** The bound of memory, processes and time on a CPU is left out. */
  readonly unlimited?: boolean;
  /** Node is readable inside, so that its memory is open to the same uid. */
  readonly readable?: boolean;
  /** Replaces the exec server. */
  readonly server?: readonly string[];
}

const runtimes = new Map<boolean, Promise<string>>();
let cgroups: ReturnType<typeof detectCgroups> | undefined;

/** Prepared once: it hashes all programs. */
function runtimeOf(folder: string, sealed: boolean): Promise<string> {
  const known = runtimes.get(sealed) ?? prepareRuntime(`${folder}/runtime`, runtimeFiles().map((file) => (sealed ? file : { ...file, sealed: false })));
  runtimes.set(sealed, known);
  return known;
}

/** Opens a sandbox from the driver's own pieces, with `weakening` applied to them. */
export async function openWeak(folder: string, privilege: Privilege, spec: SandboxSpec, weakening: Weakening): Promise<Sandbox> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const runtime = await runtimeOf(folder, weakening.readable !== true);
  const stage = pickStage([runtime, ...sourcesOf(spec)]);
  const wall = bwrapWall(arch, HOST_USR);
  const command = stageCommand(stage, runtime, privilege, arch, null, wall).map((part) => (part.includes('my @limits') ? (weakening.program?.(part) ?? part) : part));
  const child = await start(command, { cwd: '/', env: {}, stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'] });
  const cgroup = weakening.unlimited === true ? null : await prepareCgroup(await (cgroups ??= detectCgroups()), spec.id.replace(/^sb_/, 'slot_'), child.pid as number);
  const said = tail(child);
  try {
    await cgroup?.claim(spec.id, spec.limits);
    const args = bwrapArgs(spec, stage, false);
    const filter = seccompFilter(arch);
    feed(child, FD.args, `${(weakening.args?.(args, spec) ?? args).join('\0')}\0`);
    feed(child, FD.seccomp, weakening.filter?.(filter) ?? filter);
    feed(child, FD.orders, ordersOf({ spec, privilege, layer: spec.workspace.layer, images: [], fields: wall.fields(spec, stage, weakening.server ?? [`${INSIDE.runtime}/node`, `${INSIDE.runtime}/exec-server.cjs`]) }));
    const channel = await ready(child, said);
    const variables = { bare: baseVariables({ ...spec, variables: {} }, []), full: baseVariables(spec, []) };
    return new SessionSandbox({ id: spec.id, phase: spec.phase, enforced: [], missing: [], variables, workspace: INSIDE.workspace }, channel, {
      oomKills: async () => (await cgroup?.oomKills()) ?? 0,
      executed: () => null,
      giveUp: () => killGroup(child),
      async end() {
        await end(child);
        const usage = (await cgroup?.usage()) ?? { oomKills: 0, pidsRefused: 0, peakBytes: null, cpuMs: null };
        await cgroup?.remove();
        return { usage, executed: null };
      },
    });
  } catch (error) {
    await end(child);
    await cgroup?.remove();
    throw error;
  }
}

async function ready(child: ChildProcess, said: () => string): Promise<Channel> {
  const channel = new Channel(child.stdio[FD.channel] as Duplex, () => killGroup(child));
  child.once('exit', () => channel.end(new SallyportError('sandbox.failed', 'The weakened sandbox ended')));
  const late = setTimeout(() => channel.end(new SallyportError('sandbox.failed', 'The weakened sandbox was not ready')), 15_000);
  try {
    await channel.ready;
    return channel;
  } catch (error) {
    await sleep(20); // what it printed may still be on its way
    throw new SallyportError('sandbox.failed', `${error instanceof Error ? error.message : String(error)}: ${said()}`, { cause: error });
  } finally {
    clearTimeout(late);
  }
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
