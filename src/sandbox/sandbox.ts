import type { Guarantee } from '../protocol/guarantee.js';
import type { Phase } from '../protocol/event.js';

/** Bounds of one sandbox. Memory and disk in MiB, cpus in cores. */
export interface Limits {
  readonly memory: number;
  /** What may be written to the workspace, where `disk_limit` is enforced. Default 8192. */
  readonly disk?: number;
  readonly pids: number;
  readonly cpus: number;
}

/** A mount of a host folder or file, read-only unless said. `target` is absolute and below /opt or /run. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly writable?: boolean;
}

/** Fetched packages that do not lie in the workspace: a host folder, shown at /opt/deps. */
export interface Dependencies {
  readonly folder: string;
  /** Fetch and build fill it; nobody else may. */
  readonly writable: boolean;
  /** Folders inside whose programs come first on the PATH. */
  readonly path: readonly string[];
  /** Variables that make it found; those of the spec are stronger. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * The tree that is seen at /workspace: `lowers` (topmost first, never written) under a fresh or kept upper layer.
 * `layer` is a folder that `makeLayer` made; it belongs to the caller and outlives the sandbox. Null = read-only, unless `fresh`: then what is
 * written lies in a layer of the driver's own that vanishes with the sandbox.
 */
export interface Workspace {
  readonly lowers: readonly string[];
  readonly layer: string | null;
  /** With `layer: null` only. Default false. */
  readonly fresh?: boolean;
}

export interface SandboxSpec {
  readonly id: string;
  readonly phase: Phase;
  /** The sandbox does not start unless the driver enforces all of these. */
  readonly demanded: readonly Guarantee[];
  readonly workspace: Workspace;
  readonly mounts: readonly Mount[];
  readonly dependencies?: Dependencies | null;
  /** Host unix socket shown at /run/sallyport/egress.sock. Fetch phase only. */
  readonly egressSocket: string | null;
  /** Host folder bound writable at /scratch, for caches that are thrown away. */
  readonly scratch: string | null;
  readonly limits: Limits;
  readonly variables: Readonly<Record<string, string>>;
}

/** Size of a terminal in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly cwd?: string;
  /** Added to the sandbox's own variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Leaves the sandbox's own variables out: for Sallyport's programs, which the repository must not steer (NODE_OPTIONS, LD_PRELOAD). */
  readonly bare?: boolean;
  /** The whole standard input. Without it and `input` there is none. */
  readonly stdin?: Buffer;
  /** Standard input as it comes, in place of `stdin`. Sessions only. */
  readonly input?: AsyncIterable<Buffer>;
  /** Runs the command on a terminal of its own, in characters; what it shows is stdout. `resized` tells of new sizes. Sessions only. */
  readonly terminal?: TerminalSize & { readonly resized?: AsyncIterable<TerminalSize> };
  /** Milliseconds until the command and what descends from it are killed; what was orphaned before then ends with the sandbox. */
  readonly timeout: number;
  /** Bytes of stdout and stderr together; more ends the command. */
  readonly maxOutput: number;
  readonly signal?: AbortSignal;
  /** False: output goes to `onOutput` alone and the result has none. Default true. */
  readonly keepOutput?: boolean;
  /** Called with every piece of output as it comes. Hostile bytes. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
}

/** Why a command ended, as the host saw it; a reply of the exec server alone never decides `timeout`, `oom` or `lost`. */
export type ExecReason = 'exited' | 'timeout' | 'oom' | 'killed' | 'lost' | 'output_limit';

/** Same shape whether the command succeeded or not. */
export interface ExecResult {
  readonly exit: number | null;
  readonly signal: string | null;
  readonly reason: ExecReason;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly ms: number;
  /** Programs that the kernel saw start meanwhile, null where the driver cannot tell; only of a recorded command. */
  readonly executed?: Executed | null;
}

export interface Usage {
  readonly oomKills: number;
  readonly pidsRefused: number;
  readonly peakBytes: number | null;
  readonly cpuMs: number | null;
}

/** Programs that were started inside, as the kernel saw it. Paths are as they were given to execve, which is hostile text. */
export interface Executed {
  readonly programs: readonly { readonly pid: number; readonly path: string }[];
  /** Started, and not named for their number. */
  readonly omitted: number;
  /** Events of the whole machine that were lost before they could be read: with any, the list may have gaps. */
  readonly lost: number;
}

/**
 * A live sandbox. An implementation MUST kill everything inside on `close`, MUST be closed once (closing again is harmless),
 * MUST leave no process, mount or cgroup behind, and MUST die with the worker, also by SIGKILL.
 */
export interface Sandbox extends AsyncDisposable {
  readonly id: string;
  readonly phase: Phase;
  readonly enforced: readonly Guarantee[];
  readonly missing: readonly Guarantee[];
  exec(request: ExecRequest): Promise<ExecResult>;
  /** What was started inside since this was last asked; null where the driver does not enforce `exec_audit`. */
  executed(): Executed | null;
  close(): Promise<Usage>;
}

/** How the one command of a sandbox ended, and what the sandbox used. */
export interface OnceResult {
  readonly result: ExecResult;
  readonly usage: Usage;
  readonly executed: Executed | null;
}

export interface MissingGuarantee {
  readonly guarantee: Guarantee;
  readonly why: string;
  readonly hint: string;
}

export interface DriverReport {
  readonly driver: string;
  readonly enforced: readonly Guarantee[];
  readonly missing: readonly MissingGuarantee[];
}

/**
 * A way to make sandboxes. `probe` MUST find out by running, not by looking at versions. `open` MUST throw
 * `sandbox.not_enforced` when it enforces less than is demanded, and `sandbox.unavailable` when it cannot run at all;
 * it never starts anything weaker.
 */
export interface SandboxDriver {
  readonly name: string;
  probe(): Promise<DriverReport>;
  open(spec: SandboxSpec): Promise<Sandbox>;
  /**
   * Runs one command in a sandbox that starts and ends with it. The same walls, and less to trust: no exec server is inside, so exit and
   * output are what the kernel and the pipes say. A program that cannot be started gives a non-zero exit and says so on stderr. Throws as `open` does.
   */
  once(spec: SandboxSpec, request: ExecRequest): Promise<OnceResult>;
  /**
   * Ends what is left of sandboxes whose worker lost them: it was killed, or it hangs and another took its task over. When this returns
   * nothing of them writes any more, as far as groups can be had on this machine. Ids that are gone are no error.
   */
  reap(ids: readonly string[]): Promise<void>;
  /** Removes what killed workers left of this driver's, and nothing that lives or may just be starting. */
  sweep(): Promise<void>;
  /** Ends what the driver keeps ready for the next sandbox. Sandboxes that are open are their owners'. The driver can be used again after it. */
  close(): Promise<void>;
}
