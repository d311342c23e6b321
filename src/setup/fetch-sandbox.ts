import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hintOf, reasonsOf } from '../egress/denials.js';
import { type Door, type DoorRules, openDoor } from '../egress/door.js';
import type { Fetched, Front } from '../egress/front.js';
import type { Registry } from '../egress/upstream.js';
import { SallyportError, toSallyportError } from '../protocol/errors.js';
import type { Ecosystem, Journal } from '../protocol/event.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import { newId } from '../protocol/ids.js';
import { boundedLayer, type Owner } from '../sandbox/layer.js';
import { openRecorded } from '../sandbox/record.js';
import type { ExecResult, Limits, Sandbox, SandboxDriver } from '../sandbox/sandbox.js';
import type { Command } from './ecosystems/plan.js';
import type { Environment } from './environment.js';
import { layManifests } from './manifests.js';

const DOOR_PORT = 4873;
/** Bytes of output that a command of setup may print. */
export const OUTPUT = 4 * 1024 * 1024;
const MAX_TAKEN = 64 * 1024 * 1024;

/** The door as a proxy: for declared hosts, over TLS alone. */
export const PROXY = `http://127.0.0.1:${DOOR_PORT}`;
/** Whoever does not know registry fronts finds the proxy, and is told what is missing; fronts are reached without one. */
const PROXY_VARIABLES = { HTTPS_PROXY: PROXY, https_proxy: PROXY, NO_PROXY: '127.0.0.1,localhost', no_proxy: '127.0.0.1,localhost' };

/** A registry front as a client in a fetch sandbox sees it. */
export function insideUrl(prefix: Front['prefix']): string {
  return `http://127.0.0.1:${DOOR_PORT}/${prefix}`;
}

/** Asks each client of this machine for its registry, when it is needed. */
export type Registries = Readonly<Record<Ecosystem, () => Promise<Registry>>>;

/** What a fetch needs of its surroundings. */
export interface FetchRequest {
  readonly driver: SandboxDriver;
  readonly owner: Owner;
  /** State folder for sockets; what is put there is removed. */
  readonly scratch: string;
  readonly environment: Environment;
  readonly registries: Registries;
  /** What may be fetched beside what lockfiles say. Asked when something is fetched. */
  readonly rules: () => Promise<DoorRules>;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

export interface FetchTask {
  /** Gets `manifests/`, `fetch/upper/` with all that clients wrote, `deps/` where asked for, and what the caller removes: `fetch/work/`, `scratch/`. */
  readonly folder: string;
  /** All that clients see. Key = path. */
  readonly files: ReadonlyMap<string, Buffer | string>;
  readonly fronts: readonly Front[];
  /** Run one after the other. */
  readonly commands: readonly Command[];
  /** Whether clients also write into the dependency folder. */
  readonly dependencies: boolean;
  /** A file below the workspace to hand back when the commands are done. */
  readonly take?: string;
}

/**
 * Runs the clients of registries in one sandbox of the fetch phase: they see manifests only, reach the fronts behind the door only and run no
 * script. Returns the files of packages that were handed out, and the one that was to be taken. Throws `setup.fetch_failed` with what the client said.
 */
export async function fetchInSandbox(request: FetchRequest, task: FetchTask): Promise<{ readonly fetched: readonly Fetched[]; readonly taken: Buffer | null }> {
  await using opened = await openFetch(request, task);
  const { sandbox, door } = opened;
  for (const command of task.commands) {
    door.attribute(askerOf(command));
    const before = door.denials.length;
    const result = await sandbox.exec({ argv: command.argv, env: command.env ?? {}, timeout: request.environment.spec.setup.timeout * 1000, maxOutput: OUTPUT, signal: request.signal });
    expectFetched(result, command.what, door, before, request.signal);
  }
  const taken = task.take === undefined ? null : await take(sandbox, task.take, request.signal);
  await sandbox.close();
  return { fetched: [...door.fetched], taken };
}

/** A command as a person knows it: its program and the words before its options. */
function askerOf({ argv, asker }: Command): string {
  const words = argv.slice(0, argv.findIndex((word, i) => i > 0 && word.startsWith('-')) >>> 0).map((word) => word.slice(word.lastIndexOf('/') + 1));
  return asker ?? words.join(' ').slice(0, 200);
}

/**
 * Throws unless a command ended well and nothing was kept from it that it asked for: a client may shrug off that an optional package is refused, and what it leaves
 * would be another tree than the lockfile's. A host that was refused counts only where the command failed: programs ask many that they do not need.
 */
function expectFetched(result: ExecResult, what: string, door: Door, before: number, signal: AbortSignal): void {
  signal.throwIfAborted();
  const output = outputOf(result);
  const fresh = door.denials.slice(before);
  const failed = !hasEndedWell(result);
  // A client that finds nothing to choose from says of which package.
  const keptOut = failed && !fresh.some((d) => d.line !== null) ? [...door.keptOut].filter(([name]) => isMentioned(name, output)).flatMap(([, denials]) => denials) : [];
  const denials = failed ? [...fresh, ...keptOut] : fresh.filter((d) => d.rule.startsWith('package.'));
  if (!failed && denials.length === 0) return;
  const message = [what, ...door.problems, ...reasonsOf(denials)].join('; ');
  if (denials.some((d) => !OTHERWISE.has(d.rule))) {
    throw new SallyportError('egress.denied', failed ? `${message} (${endOf(result)}): ${excerpt(output)}` : message, { hint: hintOf(denials) ?? LOG_HINT });
  }
  expectDone(result, 'setup.fetch_failed', message, signal);
}

/** What is no matter of what is allowed: a lockfile that is out of date, a host that does not answer. */
const OTHERWISE: ReadonlySet<string> = new Set(['not-in-lockfile', 'upstream-failed']);

/** Whether a text names a package, in whatever spelling Python has for it. */
function isMentioned(name: string, text: string): boolean {
  const plain = (words: string): string => words.toLowerCase().replace(/[-_.]+/g, '-');
  const inner = plain(name).replace(/[^a-z0-9-]/g, '\\$&');
  return new RegExp(`(?<![\\w~/-])${inner}(?![\\w~/-])`).test(plain(text.slice(0, 20_000)));
}

/** A sandbox of the fetch phase with its way to the door, and nothing run in it yet. Disposing it closes both. */
export async function openFetch(request: FetchRequest, task: Omit<FetchTask, 'commands' | 'take'>): Promise<{ readonly sandbox: Sandbox; readonly door: Door } & AsyncDisposable> {
  const layer = join(task.folder, 'fetch');
  const scratch = join(task.folder, 'scratch');
  const socket = join(request.scratch, `e-${newId('sb').slice(-10)}.sock`);
  await mkdir(request.scratch, { recursive: true, mode: 0o755 });
  await layManifests(join(task.folder, 'manifests'), task.files, request.owner);
  const dependencies = task.dependencies ? join(task.folder, 'deps') : null;
  const { disk } = request.environment.spec.limits;
  for (const folder of [layer, scratch, dependencies]) if (folder !== null) await boundedLayer(request.driver, folder, request.owner, disk);
  const id = newId('sb');
  const door = await openDoor({ fronts: task.fronts, rules: await request.rules(), socket, owner: request.owner, sandbox: id, journal: request.journal })
    .catch((error: unknown) => Promise.reject(toSallyportError(error, 'setup.fetch_failed')));
  let sandbox: Sandbox | undefined;
  const close = async (): Promise<void> => {
    try {
      await sandbox?.close();
    } finally {
      await door[Symbol.asyncDispose]();
    }
  };
  try {
    sandbox = await openRecorded(request.driver, {
      id, phase: 'fetch', demanded: ALWAYS_DEMANDED, workspace: { lowers: [join(task.folder, 'manifests')], layer }, mounts: [], egressSocket: socket,
      dependencies: dependencies === null ? null : { folder: join(dependencies, 'upper'), writable: true, path: [], variables: {} }, scratch: join(scratch, 'upper'), limits: limitsOf(request.environment), variables: PROXY_VARIABLES,
    }, request.journal);
    await forward(sandbox, request.signal);
    return { sandbox, door, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Reads a file that a client wrote: a plain file or nothing. */
async function take(sandbox: Sandbox, path: string, signal: AbortSignal): Promise<Buffer> {
  const result = await sandbox.exec({ argv: ['/bin/sh', '-c', '[ -f "$1" ] && [ ! -L "$1" ] && exec cat -- "$1"', 'take', path], bare: true, timeout: 60_000, maxOutput: MAX_TAKEN, signal });
  expectDone(result, 'setup.fetch_failed', `The file "${path}" that was to be made cannot be read`, signal);
  return result.stdout;
}

/** Starts 127.0.0.1 → unix socket inside and waits until it listens. It lives as long as the sandbox. */
async function forward(sandbox: Pick<Sandbox, 'exec'>, signal: AbortSignal): Promise<void> {
  const script = '/opt/sallyport/node /opt/sallyport/forward.cjs "$1" "$2" >/scratch/forward.log 2>&1 & i=0; until grep -q listening /scratch/forward.log 2>/dev/null; do i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.05; done';
  const result = await sandbox.exec({ argv: ['/bin/sh', '-c', script, 'forward', String(DOOR_PORT), '/run/sallyport/egress.sock'], timeout: 20_000, maxOutput: 10_000, signal });
  expectDone(result, 'setup.fetch_failed', 'The way to the registry front could not be set up inside', signal);
}

/** Fetch and build get at least what npm and compilers need. */
export function limitsOf(environment: Environment): Limits {
  const { memory, pids, cpus, disk } = environment.spec.limits;
  return { memory: Math.max(memory, 2048), pids: Math.max(pids, 256), cpus, disk };
}

/** Throws with the command's output unless it ended by itself with exit code 0. */
export function expectDone(result: ExecResult, code: 'setup.fetch_failed' | 'setup.build_failed', what: string, signal: AbortSignal, hint?: string): void {
  signal.throwIfAborted();
  if (!hasEndedWell(result)) throw new SallyportError(code, `${what} (${endOf(result)}): ${excerpt(outputOf(result))}`, { hint: hint ?? LOG_HINT });
}

const LOG_HINT = 'sallyport log TASK shows each request and why it was refused.';

function hasEndedWell(result: ExecResult): boolean {
  return result.exit === 0 && result.reason === 'exited';
}

function endOf(result: ExecResult): string {
  return `${result.reason}, exit ${result.exit ?? 'none'}`;
}

function outputOf(result: ExecResult): string {
  return Buffer.concat([result.stderr, result.stdout]).toString('utf8').trim();
}

/** npm gives the reason first and its usage after it. */
function excerpt(output: string): string {
  return output.length <= 1600 ? output : `${output.slice(0, 800)}\n[…]\n${output.slice(-800)}`;
}
