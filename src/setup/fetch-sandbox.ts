import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Front, type Registry, startNpmFront } from '../egress/npm-front.js';
import type { FrontRules } from '../egress/rules.js';
import { SallyportError, toSallyportError } from '../protocol/errors.js';
import type { Journal } from '../protocol/event.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import { newId } from '../protocol/ids.js';
import { makeLayer, type Owner } from '../sandbox/layer.js';
import { openRecorded } from '../sandbox/record.js';
import type { ExecResult, Limits, SandboxDriver } from '../sandbox/sandbox.js';
import type { Environment } from './environment.js';
import { layManifests } from './manifests.js';

const FRONT_PORT = 4873;
/** The registry as npm sees it in a fetch sandbox. */
export const INSIDE_URL = `http://127.0.0.1:${FRONT_PORT}`;
/** Bytes of output that a command of setup may print. */
export const OUTPUT = 4 * 1024 * 1024;
const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--registry', INSIDE_URL, '--replace-registry-host=always', '--cache', '/scratch/npm', '--userconfig', '/dev/null', '--loglevel=error', '--fetch-retries=1', '--fetch-retry-mintimeout=200'];

/** What a fetch needs of its surroundings. */
export interface FetchRequest {
  readonly driver: SandboxDriver;
  readonly owner: Owner;
  /** State folder for sockets; what is put there is removed. */
  readonly scratch: string;
  readonly environment: Environment;
  readonly registry: () => Promise<Registry>;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

export interface FetchTask {
  /** Gets `manifests/`, `fetch/upper/` with all that npm wrote, and what the caller removes: `fetch/work/`, `scratch/`. */
  readonly folder: string;
  /** All that npm sees. Key = path. */
  readonly manifests: ReadonlyMap<string, Buffer>;
  /** Client configuration of the protected base, sifted. */
  readonly npmrc: string;
  readonly rules: FrontRules;
  /** The command of npm; the flags that every fetch has are added. */
  readonly argv: readonly string[];
  /** For the error: what could not be done. */
  readonly what: string;
}

/**
 * Runs npm in a sandbox of the fetch phase: it sees manifests only, reaches the registry front only and runs no script. Returns the tarballs
 * that were handed out. Throws `setup.fetch_failed` with what npm said.
 */
export async function fetchWithNpm(request: FetchRequest, task: FetchTask): Promise<Front['fetched']> {
  const layer = join(task.folder, 'fetch');
  const scratch = join(task.folder, 'scratch');
  const socket = join(request.scratch, `e-${newId('sb').slice(-10)}.sock`);
  await mkdir(request.scratch, { recursive: true, mode: 0o755 });
  await layManifests(join(task.folder, 'manifests'), task.manifests, task.npmrc, request.owner);
  await makeLayer(layer, request.owner);
  await makeLayer(scratch, request.owner);
  const id = newId('sb');
  const registry = await request.registry();
  await using front = await startNpmFront({ registry, rules: task.rules, insideUrl: INSIDE_URL, socket, owner: request.owner, sandbox: id, journal: request.journal })
    .catch((error: unknown) => Promise.reject(toSallyportError(error, 'setup.fetch_failed')));
  await using sandbox = await openRecorded(request.driver, {
    id, phase: 'fetch', demanded: ALWAYS_DEMANDED, workspace: { lowers: [join(task.folder, 'manifests')], layer }, mounts: [], egressSocket: socket,
    scratch: join(scratch, 'upper'), limits: limitsOf(request.environment), variables: {},
  }, request.journal);
  await forward(sandbox, request.signal);
  const result = await sandbox.exec({ argv: [...task.argv, ...FLAGS], timeout: request.environment.spec.setup.timeout * 1000, maxOutput: OUTPUT, signal: request.signal });
  expectDone(result, 'setup.fetch_failed', task.what, request.signal);
  await sandbox.close();
  return front.fetched;
}

/** Starts 127.0.0.1 → unix socket inside and waits until it listens. It lives as long as the sandbox. */
async function forward(sandbox: { exec: (request: Parameters<Awaited<ReturnType<SandboxDriver['open']>>['exec']>[0]) => Promise<ExecResult> }, signal: AbortSignal): Promise<void> {
  const script = '/opt/sallyport/node /opt/sallyport/forward.cjs "$1" "$2" >/scratch/forward.log 2>&1 & i=0; until grep -q listening /scratch/forward.log 2>/dev/null; do i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.05; done';
  const result = await sandbox.exec({ argv: ['/bin/sh', '-c', script, 'forward', String(FRONT_PORT), '/run/sallyport/egress.sock'], timeout: 20_000, maxOutput: 10_000, signal });
  expectDone(result, 'setup.fetch_failed', 'The way to the registry front could not be set up inside', signal);
}

/** Fetch and build get at least what npm and compilers need. */
export function limitsOf(environment: Environment): Limits {
  const { memory, pids, cpus } = environment.spec.limits;
  return { memory: Math.max(memory, 2048), pids: Math.max(pids, 256), cpus };
}

/** Throws with the command's output unless it ended by itself with exit code 0. */
export function expectDone(result: ExecResult, code: 'setup.fetch_failed' | 'setup.build_failed', what: string, signal: AbortSignal): void {
  signal.throwIfAborted();
  if (result.exit === 0 && result.reason === 'exited') return;
  const output = Buffer.concat([result.stderr, result.stdout]).toString('utf8').trim();
  const shown = output.length <= 1600 ? output : `${output.slice(0, 800)}\n[…]\n${output.slice(-800)}`; // npm gives the reason first and its usage after it
  throw new SallyportError(code, `${what} (${result.reason}, exit ${result.exit ?? 'none'}): ${shown}`, { hint: 'sallyport log TASK shows each request and why it was refused.' });
}
