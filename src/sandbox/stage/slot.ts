import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Duplex, PassThrough, type Writable } from 'node:stream';
import { type ChildProcess, killGroup, start } from '../../process/spawn.js';
import { SallyportError } from '../../protocol/errors.js';
import { newId } from '../../protocol/ids.js';
import { imageOf, makeImage, makeLayer, removeTree } from '../layer.js';
import type { Executed, SandboxSpec } from '../sandbox.js';
import { FD, type Once } from './inside.js';
import { type Cgroup, type CgroupSupport, prepareCgroup } from './cgroup.js';
import type { ExecAudit } from './exec-audit.js';
import { limited } from './prlimit.js';
import { clearOf, type Image, ordersOf, pickStage, type Privilege, sourcesOf, stageCommand, type Wall } from './stage.js';

/** MiB that a workspace may grow by, where the environment does not say. */
export const DEFAULT_DISK = 8192;
const WARM_MS = 15_000;
/** Bytes kept of what a stage or the sandbox itself says, for the error. */
const SAID = 2000;
/** For the last of it to arrive. */
const SAID_MS = 500;

/** What every stage of a driver is made with. */
export interface SlotGround {
  /** Folder of the copied runtime. */
  readonly runtime: string;
  /** Folder for layers that vanish with their sandbox. */
  readonly layers: string;
  readonly privilege: Privilege;
  readonly arch: 'x64' | 'arm64';
  readonly wall: Wall;
  /** Folders of the root that is shown in place of the host's /usr. */
  readonly roots: readonly string[];
  readonly cgroups: CgroupSupport;
  /** True when layers can be images of a bounded size. */
  readonly images: boolean;
  /** Null where programs that are started cannot be followed. */
  readonly audit: ExecAudit | null;
}

/**
 * A stage that waits for orders: its process sits in its cgroups and in its mount namespace, and knows nothing yet of the sandbox that it
 * will be. It belongs to the driver until `claim`, then to the sandbox. `end` is right at any time and may be called twice.
 */
export class Slot {
  readonly stage: string;
  readonly disk: number;
  readonly child: ChildProcess;
  /** Settles when the first half of the script is done. */
  readonly warm: Promise<void>;
  /** Gets what the command prints, where one runs without an exec server. */
  onStdout: ((chunk: Buffer) => void) | null = null;
  onStderr: ((chunk: Buffer) => void) | null = null;
  readonly #ground: SlotGround;
  #cgroup: Cgroup | null = null;
  readonly #fresh: string | null;
  #id: string;
  #layer: string | null = null;
  #said = '';
  #ended: Promise<void> | undefined;

  private constructor(ground: SlotGround, child: ChildProcess, fields: { readonly id: string; readonly stage: string; readonly disk: number; readonly fresh: string | null }) {
    this.#ground = ground;
    this.child = child;
    this.#id = fields.id;
    this.stage = fields.stage;
    this.disk = fields.disk;
    this.#fresh = fields.fresh;
    for (const fd of [FD.args, FD.seccomp, FD.orders]) this.#pipe(fd).on('error', () => undefined); // EPIPE when the child failed before reading: its own message tells why
    child.stderr?.on('data', (chunk: Buffer) => (this.onStderr === null ? this.#hear(chunk) : this.onStderr(chunk)));
    this.warm = this.#listen();
    this.warm.catch(() => undefined); // whoever claims it awaits it
  }

  static async start(ground: SlotGround, disk: number, sources: readonly string[]): Promise<Slot> {
    const stage = pickStage([ground.runtime, ground.layers, ...ground.roots, ...sources]);
    const id = newId('sb').replace(/^sb_/, 'slot_');
    const draft = ground.images && ground.privilege.kind === 'root' ? await freshImage(ground, disk) : null;
    let child: ChildProcess | undefined;
    try {
      const stdio = ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'] as const;
      child = await start(stageCommand(stage, ground.runtime, ground.privilege, ground.arch, draft, ground.wall), { cwd: '/', env: {}, stdio: [...stdio] });
      ground.audit?.follow(id, child.pid as number);
      const slot = new Slot(ground, child, { id, stage, disk, fresh: draft });
      slot.#cgroup = await prepareCgroup(ground.cgroups, id, child.pid as number).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code === 'ESRCH') await slot.warm; // it ended before it could be bounded, and says why
        throw error;
      });
      return slot;
    } catch (error) {
      if (child !== undefined) killGroup(child);
      ground.audit?.forget(id);
      if (draft !== null) await removeTree(join(draft, '..'));
      throw error;
    }
  }

  /** True when it can become this sandbox. */
  fits(spec: SandboxSpec): boolean {
    return clearOf(this.stage, sourcesOf(spec)) && (spec.workspace.fresh !== true || this.#fresh === null || this.disk === (spec.limits.disk ?? DEFAULT_DISK));
  }

  /** Null where no cgroup can be made. */
  get cgroup(): Cgroup | null {
    return this.#cgroup;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && this.#ended === undefined;
  }

  /** A slot that waits keeps no process from ending; one that is a sandbox does. */
  hold(active: boolean): void {
    const streams = this.child.stdio as readonly (Duplex | null | undefined)[];
    for (const stream of streams) (stream as unknown as { ref?: () => void; unref?: () => void } | null)?.[active ? 'ref' : 'unref']?.();
    if (active) this.child.ref();
    else this.child.unref();
  }

  /** Makes it the sandbox of `spec`: its bounds first, then the orders. `command` is what runs inside. */
  async claim(spec: SandboxSpec, command: readonly string[], once?: Once): Promise<void> {
    this.hold(true);
    await this.warm;
    const overhead = this.#ground.wall.overhead(spec.limits);
    await this.cgroup?.claim(spec.id, { ...spec.limits, memory: spec.limits.memory + overhead.memory, pids: spec.limits.pids + overhead.pids });
    this.#ground.audit?.rename(this.#id, spec.id);
    this.#id = spec.id;
    this.#layer = await this.#layerOf(spec);
    const images = await imagesOf(spec);
    const { wall, arch } = this.#ground;
    const run = this.#cgroup === null ? limited(command, spec.limits, arch) : command;
    const { args, seccomp } = wall.feed(spec, this.stage, run, once);
    const orders = ordersOf({ spec, privilege: this.#ground.privilege, layer: this.#layer ?? (spec.workspace.fresh === true ? `${this.stage}/fresh` : spec.workspace.layer), images, fields: wall.fields(spec, this.stage, run, once) });
    this.#pipe(FD.args).end(args);
    this.#pipe(FD.seccomp).end(seccomp);
    this.#pipe(FD.orders).end(orders);
    this.child.stdin?.on('error', () => undefined); // a command need not read it
  }

  /** The way to the exec server of a slot that was claimed for one. */
  channel(): Duplex {
    if (!this.#ground.wall.stdio) {
      this.child.stdin?.end();
      return this.child.stdio[FD.channel] as Duplex;
    }
    const said = new PassThrough();
    this.onStdout = (chunk) => void said.write(chunk);
    this.child.once('close', () => said.end());
    return Duplex.from({ readable: said, writable: this.child.stdin as Writable });
  }

  /** The error of a start that failed, with what the stage or the sandbox said. */
  explain(error: SallyportError, said = this.#said): SallyportError {
    return this.#ground.wall.explain(error, said.trim());
  }

  /** Programs that were started since this was last asked; null where nobody watches. */
  executed(): Executed | null {
    return this.#ground.audit?.take(this.#id) ?? null;
  }

  /** Kills everything that it became (all of it dies with its first process: own pid namespace). Resolves when that is reaped. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => void this.child.once('exit', () => resolve()));
    killGroup(this.child);
    await gone;
  }

  /** Kills, and releases what it held. Resolves when that is gone. */
  end(): Promise<void> {
    return (this.#ended ??= this.#end());
  }

  async #end(): Promise<void> {
    await this.kill();
    this.#ground.audit?.forget(this.#id);
    await this.cgroup?.remove();
    if (this.#fresh !== null) await removeTree(join(this.#fresh, '..'));
    if (this.#layer !== null) await removeTree(this.#layer);
  }

  /** Where a fresh layer lies without an image: a folder on the host's disk, removed at the end. Null when there is none to make. */
  async #layerOf(spec: SandboxSpec): Promise<string | null> {
    if (spec.workspace.fresh !== true || this.#fresh !== null) return null;
    const { privilege, layers } = this.#ground;
    await mkdir(layers, { recursive: true, mode: 0o755 });
    const layer = await mkdtemp(join(layers, 'fresh-'));
    await makeLayer(layer, privilege.kind === 'root' ? privilege : null);
    return layer;
  }

  /** Reads the first line, `warm`; from there on what comes is the command's. */
  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new SallyportError('sandbox.failed', `The sandbox could not be laid out within ${WARM_MS} ms`)), WARM_MS);
      timer.unref();
      let first = '';
      let warm = false;
      this.child.stdout?.on('data', (chunk: Buffer) => {
        if (warm) return this.onStdout?.(chunk);
        first += chunk.toString('latin1');
        if (!first.startsWith('warm\n')) return;
        warm = true;
        clearTimeout(timer);
        resolve();
        if (first.length > 5) this.onStdout?.(Buffer.from(first.slice(5), 'latin1'));
      });
      // Not `close`: that waits for descriptors that nobody reads when a stage ends before it is a sandbox.
      const ended = (): void => {
        clearTimeout(timer);
        void said(this.child).then(() => reject(this.explain(new SallyportError('sandbox.failed', 'The sandbox ended before it was laid out'))));
      };
      if (this.child.exitCode !== null || this.child.signalCode !== null) ended();
      else this.child.once('exit', ended);
    });
  }

  #hear(chunk: Buffer): void {
    this.#said = (this.#said + chunk.toString('utf8')).slice(0, SAID);
  }

  #pipe(fd: number): Writable {
    return this.child.stdio[fd] as Writable;
  }
}

async function freshImage(ground: SlotGround, disk: number): Promise<string> {
  if (ground.privilege.kind !== 'root') throw new SallyportError('internal.bug', 'Images are made by root only');
  await mkdir(ground.layers, { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(ground.layers, 'fresh-'));
  try {
    await makeImage(join(folder, 'disk.img'), ground.privilege, disk);
    return join(folder, 'disk.img');
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The images that hold what a sandbox is made of. Only its own layer and scratch space are written. */
async function imagesOf(spec: SandboxSpec): Promise<Image[]> {
  const { lowers, layer } = spec.workspace;
  const found = new Map<string, boolean>();
  const note = async (path: string | null, write: boolean): Promise<void> => {
    const folder = path === null ? null : await imageOf(path);
    if (folder !== null) found.set(folder, write || found.get(folder) === true);
  };
  for (const path of lowers) await note(path, false);
  for (const { source, writable } of spec.mounts) await note(source, writable === true);
  for (const path of [layer, spec.scratch]) await note(path, true);
  return [...found].map(([folder, write]) => ({ folder, write }));
}

/** Resolves when everything that a process that has ended printed as errors was read. */
async function said(child: ChildProcess): Promise<void> {
  const { stderr } = child;
  if (stderr === null || stderr.readableEnded || stderr.destroyed) return;
  await new Promise<void>((resolve) => {
    const late = setTimeout(resolve, SAID_MS); // somebody it started may hold the other end
    stderr.once('close', () => {
      clearTimeout(late);
      resolve();
    });
  });
}
