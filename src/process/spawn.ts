import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { SallyportError } from '../protocol/errors.js';

export type { ChildProcess } from 'node:child_process';

/** How a process ended; the first cause wins. */
export type Termination = 'exited' | 'timeout' | 'aborted' | 'output_limit';

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child. Nothing is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Buffer | string;
  /** Milliseconds until the whole process group is killed. Default 30,000. */
  readonly timeout?: number;
  /** Bytes kept of each stream; more ends the process with `output_limit`. Default 64 MiB. */
  readonly maxOutput?: number;
  readonly signal?: AbortSignal;
  readonly uid?: number;
  readonly gid?: number;
}

/** Same shape for success and failure; output is kept in both. */
export interface ProcessResult {
  readonly argv: readonly string[];
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly termination: Termination;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly ms: number;
}

/** Kills the process group that `child` leads. A group that is gone already is no error. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Starts a program as leader of its own process group with an explicit environment.
 * The caller owns it and ends it with `killGroup`. Throws `tool.missing` when the program does not exist.
 */
export async function start(argv: readonly string[], options: SpawnOptions): Promise<ChildProcess> {
  const [program, ...args] = argv;
  if (program === undefined) throw new SallyportError('internal.bug', 'Cannot start a process: empty argument list');
  const child = spawn(program, args, { detached: true, ...options, env: options.env ?? {} });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'ENOENT' ? 'tool.missing' : 'process.failed';
      reject(new SallyportError(code, `Cannot start "${program}": ${cause.message}`, { cause }));
    });
  });
  return child;
}

/**
 * Runs a program to its end and captures its output. A non-zero exit, a time-out or a kill is a result, not an exception;
 * only a program that cannot be started throws. The whole process group is dead when this returns.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<ProcessResult> {
  const began = performance.now();
  options.signal?.throwIfAborted();
  const child = await start(argv, {
    cwd: options.cwd ?? '/',
    env: { ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  let termination: Termination | undefined;
  const end = (why: Termination): void => {
    termination ??= why;
    killGroup(child);
  };
  const timer = setTimeout(() => end('timeout'), options.timeout ?? 30_000);
  const onAbort = (): void => end('aborted');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted === true) onAbort(); // stopped while the program was being started: no event tells of it any more
  try {
    const max = options.maxOutput ?? 64 * 1024 * 1024;
    const stdout = collect(child.stdout, max, () => end('output_limit'));
    const stderr = collect(child.stderr, max, () => end('output_limit'));
    child.stdin?.on('error', () => undefined); // EPIPE when the child does not read: its exit code tells
    child.stdin?.end(options.stdin ?? '');
    const [exit, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      child.once('close', (code, sig) => resolve([code, sig]));
    });
    return { argv, exit, signal, termination: termination ?? 'exited', stdout: stdout(), stderr: stderr(), ms: performance.now() - began };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    killGroup(child);
  }
}

function collect(stream: NodeJS.ReadableStream | null, max: number, over: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    if (size >= max) return;
    const part = chunk.subarray(0, max - size);
    size += part.length;
    chunks.push(part);
    if (size >= max) over();
  });
  return () => Buffer.concat(chunks);
}
