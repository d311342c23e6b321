import type { CheckSpec } from '../protocol/environment.js';
import { SallyportError } from '../protocol/errors.js';
import type { Journal } from '../protocol/event.js';
import type { BodyRef, CheckRun } from '../protocol/evidence.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import { newId } from '../protocol/ids.js';
import { onceRecorded, openRecorded } from '../sandbox/record.js';
import type { Dependencies, ExecRequest, ExecResult, Limits, Mount, Sandbox, SandboxDriver, SandboxSpec } from '../sandbox/sandbox.js';
import type { Entry } from '../sarif/interface/model.js';
import { type Defences, NO_DEFENCES } from '../sarif/model.js';
import { parseSarif, type SarifResult } from '../sarif/parse.js';
import type { FileFacts } from '../sarif/tamper/model.js';
import { scanProblem } from '../scan/complete.js';
import { traceProblem } from './trace.js';
import { canaryInput, drawCanary } from './runners/canary.js';
import { REPORT_FILE } from './runners/report-file.js';
import { RUNNERS } from './runners/registry.js';
import { MAX_REPORT } from './runners/runner.js';

/** Runs besides those that give the verdict: a side once more, the head with coverage measured, the head with a fault put into it. */
export type Again = 'base_again' | 'head_again' | 'red_again' | 'covered' | 'mutant';

/** One side of a comparison: a tree that is never written, with the layers that setup made for it. */
export interface Side {
  readonly round: number;
  readonly side: 'base' | 'head' | 'red' | 'old' | Again;
  /** Topmost first; the last is the laid-out tree. */
  readonly lowers: readonly string[];
  /** Fetched packages that do not lie in the tree. */
  readonly dependencies?: Dependencies | null;
}

/** Services of the environment, started in a sandbox before a check runs in it. `start` throws when one is not ready. */
export interface Services {
  readonly mounts: readonly Mount[];
  readonly variables: Readonly<Record<string, string>>;
  start(sandbox: Pick<Sandbox, 'id' | 'exec'>, journal: Journal, signal: AbortSignal): Promise<void>;
}

export interface Collector {
  readonly driver: SandboxDriver;
  readonly limits: Limits;
  readonly variables: Readonly<Record<string, string>>;
  /** What tests talk to: in every sandbox of a check, never in a scan. */
  readonly services: Services;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

const CHECK_OUTPUT = 32 * 1024 * 1024;
const SARIF_OUTPUT = 34 * 1024 * 1024;
const SCAN_MS = 300_000;
const REPORT_MS = 10_000;

/** Runs every check of the environment, each in a fresh sandbox with no route and no model. */
export async function collectChecks(collector: Collector, side: Side, checks: Readonly<Record<string, CheckSpec>>): Promise<CheckRun[]> {
  const runs: CheckRun[] = [];
  for (const [name, check] of Object.entries(checks)) {
    const run = await collectCheck(collector, side, name, check, (start) => start());
    if (run !== null) runs.push(run);
  }
  return runs;
}

/** One check in a fresh sandbox. `body` starts it, in another way than it is written where it wants, and may look at what it left behind; null where it started nothing. */
export async function collectCheck(collector: Collector, side: Side, name: string, check: CheckSpec, body: (start: (way?: Way) => Promise<CheckRun>, exec: Exec) => Promise<CheckRun | null>): Promise<CheckRun | null> {
  const run = await inFreshSandbox(collector, side, (exec) => body((way) => runCheck(collector, name, check, exec, way), exec));
  if (run === null) return null;
  const count = (status: string): number => run.cases?.filter((c) => c.status === status).length ?? 0;
  await collector.journal.record('check.ended', {
    round: side.round, side: side.side, check: name, exit: run.exit, reason: run.reason, passed: count('passed'), failed: count('failed'),
    result: await collector.journal.keep(JSON.stringify(run), 'application/json'),
  });
  return run;
}

/** Runs a command in the sandbox of a check. */
export type Exec = (argv: readonly string[], timeout: number, maxOutput: number, more?: Pick<ExecRequest, 'bare' | 'stdin' | 'env'>) => Promise<ExecResult>;
/** What of a check is another than it is written. */
export interface Way {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** The command of a check as it is written. */
export function argvOf(check: CheckSpec): string[] {
  return check.runner === 'command' ? ['/bin/sh', '-c', check.command] : RUNNERS[check.runner].argv('command' in check ? [check.command] : check.args);
}

async function runCheck(collector: Collector, name: string, check: CheckSpec, exec: Exec, way: Way = {}): Promise<CheckRun> {
  const runner = check.runner === 'command' ? null : RUNNERS[check.runner];
  const argv = [...(way.argv ?? argvOf(check))];
  const canary = runner?.canaries === true ? drawCanary() : undefined;
  const result = await exec(argv, way.timeout ?? check.timeout * 1000, CHECK_OUTPUT, { ...(canary === undefined ? {} : { stdin: canaryInput(canary) }), ...(way.env === undefined ? {} : { env: way.env }) });
  collector.signal.throwIfAborted();
  const output = Buffer.concat([result.stdout, result.stderr]);
  const common = {
    name, runner: check.runner, argv, exit: result.exit, ms: Math.round(result.ms),
    reason: result.reason === 'output_limit' ? ('killed' as const) : result.reason,
    output: output.length === 0 ? null : await collector.journal.keep(output, 'text/plain'),
  };
  const flooded = result.reason === 'output_limit';
  if (runner === null) return { ...common, cases: null, problem: flooded ? 'the output is over the limit' : null };
  const left = runner.reportsTo === 'stdout' ? { text: result.stdout.toString('utf8'), cut: flooded } : await readReport(result, exec, REPORT_FILE);
  collector.signal.throwIfAborted();
  const { cases, problem, exit = result.exit, meddled, uncovered } = runner.parse({ report: left.text, truncated: left.cut || flooded, exit: result.exit, reason: common.reason, ...(canary === undefined ? {} : { canary, without: 'args' in check && runner.leavesOut?.(check.args) === true }) });
  const traced = 'command' in check ? null : traceProblem(check.runner, check.args, cases.length, result.executed);
  return { ...common, exit, cases, problem: problem ?? traced, ...(meddled === undefined ? {} : { meddled }), ...(uncovered === undefined ? {} : { uncovered }) };
}

/**
 * The report that a run left in its sandbox, read by a command of its own, so that nothing the project prints can mix with it. What the
 * run left behind may be anything: a pipe that never ends, a folder, a file without end.
 */
export async function readReport(ran: ExecResult, exec: Exec, file: string): Promise<{ readonly text: string | null; readonly cut: boolean }> {
  if (ran.reason !== 'exited') return { text: null, cut: false };
  const result = await exec(['/bin/sh', '-c', '[ -f "$1" ] && exec cat -- "$1"', 'report', file], REPORT_MS, MAX_REPORT, { bare: true });
  if (result.reason === 'output_limit') return { text: null, cut: true };
  return { text: result.reason === 'exited' && result.exit === 0 ? result.stdout.toString('utf8') : null, cut: false };
}

export interface ScanSide {
  readonly results: readonly SarifResult[];
  readonly defences: Defences;
  readonly files: readonly FileFacts[];
  readonly entries: readonly Entry[];
  readonly sarif: BodyRef | null;
  /** Why this scan proves nothing, or null. */
  readonly problem: string | null;
}

/** Scans a tree in a sandbox of its own: the scanners read hostile files, and their report is read as hostile. */
export async function collectScan(collector: Collector, side: Side, changed: readonly string[]): Promise<ScanSide> {
  const result = await onceRecorded(collector.driver, specOf(collector, 'scan', side), {
    argv: ['/opt/sallyport/node', '/opt/sallyport/scan.cjs', '/workspace'], env: { NODE_PATH: '/opt/sallyport/node_modules' }, timeout: SCAN_MS, maxOutput: SARIF_OUTPUT, signal: collector.signal,
  }, collector.journal);
  collector.signal.throwIfAborted();
  const scan = await readScan(collector, result, changed);
  await collector.journal.record('scan.ended', { round: side.round, side: side.side === 'base' ? 'base' : 'head', results: scan.results.length, sarif: scan.sarif, problem: scan.problem });
  return scan;
}

/** Runs a program that only reads the tree, in a sandbox without a network and with none of the repository's variables. */
export async function onceReading(collector: Collector, side: Side, argv: readonly string[], stdin: Buffer, timeout: number, maxOutput: number): Promise<ExecResult> {
  const result = await onceRecorded(collector.driver, specOf(collector, 'scan', side), { argv, stdin, timeout, maxOutput, signal: collector.signal }, collector.journal);
  collector.signal.throwIfAborted();
  return result;
}

async function readScan(collector: Collector, result: ExecResult, changed: readonly string[]): Promise<ScanSide> {
  if (result.reason !== 'exited' || result.exit !== 0) {
    return { results: [], defences: NO_DEFENCES, files: [], entries: [], sarif: null, problem: `the scanner ended by ${result.reason}, exit ${result.exit ?? 'none'}: ${result.stderr.toString('utf8').slice(-400)}` };
  }
  const text = result.stdout.toString('utf8');
  const sarif = await collector.journal.keep(text, 'application/sarif+json');
  try {
    const report = parseSarif(text);
    return { results: report.results, defences: report.defences, files: report.files, entries: report.entries, sarif, problem: scanProblem(report, changed) };
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return { results: [], defences: NO_DEFENCES, files: [], entries: [], sarif, problem: error.message };
  }
}

/** A sandbox of the verify phase that serves once, with the services of the environment. */
export async function inFreshSandbox<T>(collector: Collector, side: Side, body: (exec: Exec) => Promise<T>): Promise<T> {
  await using sandbox = await openRecorded(collector.driver, specOf(collector, 'verify', side), collector.journal);
  await collector.services.start(sandbox, collector.journal, collector.signal);
  return await body((argv, timeout, maxOutput, more) => sandbox.exec({ argv, timeout, maxOutput, ...more, signal: collector.signal }));
}

/**
 * Checks write into a layer that vanishes. The scanner runs on a tree that it only reads and with none of the repository's variables: NODE_OPTIONS
 * or LD_PRELOAD of the environment could otherwise load code of the head into the scanner itself.
 */
function specOf(collector: Collector, phase: 'verify' | 'scan', { lowers, dependencies }: Side): SandboxSpec {
  const { limits, variables, services } = collector;
  const reads = phase === 'scan';
  return {
    id: newId('sb'), phase, demanded: ALWAYS_DEMANDED, workspace: { lowers, layer: null, fresh: !reads }, mounts: reads ? [] : services.mounts, egressSocket: null, scratch: null, limits,
    ...(reads ? { variables: {} } : { dependencies: dependencies ?? null, variables: { ...services.variables, ...variables } }),
  };
}
