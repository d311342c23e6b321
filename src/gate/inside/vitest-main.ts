import { ChildProcess } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';
import type { Duplex } from 'node:stream';
import { Account } from './account.js';
import { readOrders } from './orders.js';
import { shown } from './shown.js';
import { CHANNEL, HOME, namesOf, RUNNER, suitesOf, type Task, testsOf } from './vitest-form.js';
import { type Told, WrittenReport } from './written.js';

/**
 * Loaded INSIDE a sandbox into the main process of vitest, before its configuration, which is code of the tree. It takes the run's orders, hands them to the processes that vitest starts for test files, and is the
 * reporter (./vitest-reporter.ts gives vitest its class). Tests run in those processes and send what became of them by messages, which code under test can send too: so no case is believed
 * as passed that its process did not sign (./vitest-worker.ts), and no file whose two laid-in cases are missing.
 */
interface Config {
  readonly name?: string;
  bail?: number;
  pool: string;
  runner?: string;
  poolMatchGlobs?: [string, string][];
  poolOptions?: Record<string, Record<string, unknown> | undefined>;
  readonly typecheck?: { readonly enabled?: boolean };
  readonly browser?: { readonly enabled?: boolean };
  readonly dangerouslyIgnoreUnhandledErrors?: boolean;
}
interface Vitest {
  readonly config: Config;
  readonly projects?: readonly Project[];
}
interface Project {
  readonly config: Config;
  /** By version. */
  readonly vite?: Server;
  readonly server?: Server;
}
interface Server {
  readonly config?: { readonly server?: { readonly fs?: { readonly allow?: string[] } } };
}

const VERSIONS = /^[1-5]\./;
const WAIT_MS = 2000;
const MAX_MESSAGE = 3000;
const MAX_NAMES = 50;
const home = dirname(realpathSync(argv[1] ?? ''));
const version = versionOf(home);
const orders = readOrders();
const line = orders?.line ?? '';
if (orders !== null) orders.line = '';
const report = new WrittenReport(orders);
const account = new Account(orders);
let made = false;
handOn();

/** vitest makes one. A second one, by whoever, writes nothing. */
export class CaseReporter {
  readonly #first = !made;
  #config: Config | undefined;
  /** Pools of files that tell by other means than a process of ours, and why none is held to more. */
  readonly #others = new Map<string, string>();
  /** By project: not every version tells the one of a file. */
  readonly #pools = new Map<string, string>();
  #uncovered: string | null = null;
  /** Files of which a process must have stated. */
  readonly #awaited: string[] = [];
  #done = false;

  constructor() {
    made = true;
  }

  onInit(vitest: Vitest): void {
    this.#config = vitest.config;
    const configs = [...new Set([vitest.config, ...(vitest.projects ?? []).map((one) => one.config)])];
    if (!VERSIONS.test(version)) this.#uncovered = `vitest ${version} is none of the versions that are known`;
    else if (configs.some((one) => one.runner !== undefined && one.runner !== RUNNER)) this.#uncovered = 'the project has a test runner of its own';
    else {
      for (const config of configs) this.#lay(config);
      // A project that tests for browsers loads everything by vite, which gives nothing from outside of the project.
      for (const { vite, server } of vitest.projects ?? []) (vite ?? server)?.config?.server?.fs?.allow?.push(dirname(RUNNER));
    }
  }

  /** Lays our runner into a project, in processes where it may be. The counting of failures that ends a run would count the case that must fail. */
  #lay(config: Config): void {
    if (config.typecheck?.enabled === true) this.#others.set('typescript', 'types are checked, not run');
    config.bail = 0;
    if (config.browser?.enabled === true) {
      this.#others.set('browser', 'tests run in a browser');
      this.#pools.set(config.name ?? '', 'browser');
      return;
    }
    if (config.pool === 'threads') {
      const { threads = {}, forks } = config.poolOptions ?? {};
      const { singleThread, minThreads, maxThreads, useAtomics: _, ...rest } = threads;
      if (config.poolOptions !== undefined) config.poolOptions['forks'] = { ...rest, ...defined({ singleFork: singleThread, minForks: minThreads, maxForks: maxThreads }), ...forks };
      config.pool = 'forks';
    }
    if (config.poolMatchGlobs !== undefined) config.poolMatchGlobs = config.poolMatchGlobs.map(([glob, pool]) => [glob, pool === 'threads' ? 'forks' : pool]);
    for (const pool of [config.pool, ...(config.poolMatchGlobs ?? []).map(([, one]) => one)]) if (pool !== 'forks' && !this.#others.has(pool)) this.#others.set(pool, `the pool ${pool.slice(0, 40)}`);
    if (config.pool === 'forks') config.runner = RUNNER;
    this.#pools.set(config.name ?? '', config.pool);
  }

  /** vitest 3 and later. */
  async onTestRunEnd(modules: readonly { readonly task: Task }[], errors: readonly unknown[]): Promise<void> {
    await this.#end(modules.map((one) => one.task), errors);
  }

  /** vitest 1 to 3. */
  async onFinished(files: readonly Task[] = [], errors: readonly unknown[] = []): Promise<void> {
    await this.#end(files, errors);
  }

  async #end(files: readonly Task[], errors: readonly unknown[]): Promise<void> {
    if (this.#done || !this.#first) return;
    this.#done = true;
    let failed = 0;
    for (const file of files) failed += this.#tell(file);
    await settled(this.#awaited);
    if (errors.length > 0 && failed === 0 && this.#config?.dangerouslyIgnoreUnhandledErrors !== true) report.write({ problem: `errors outside of tests: ${errorText(errors[0])}`.slice(0, 1000) });
    const why = [...(this.#uncovered === null ? [] : [this.#uncovered]), ...this.#others.values()];
    if (why.length > 0) report.write({ uncovered: why.join('; ').slice(0, 300) });
    const quiet = this.#awaited.find((file) => account.threw(file) === false);
    for (const problem of this.#uncovered === null ? account.problems() : []) report.write({ problem });
    if (quiet !== undefined) report.write({ problem: `the case that must fail did not throw in ${shown(quiet)}`.slice(0, 1000) });
    report.write({ meddled: account.meddled() });
    report.end();
  }

  /** The cases of a file; how many of its own failed. A file that failed with no failed test did not load, or failed outside of its tests. */
  #tell(file: Task): number {
    const at = shown(file.filepath ?? file.name);
    const pools = [file.meta?.typecheck === true ? 'typescript' : file.pool, this.#pools.get(file.projectName ?? '')];
    const exempt = this.#uncovered !== null || pools.some((pool) => pool !== undefined && this.#others.has(pool));
    const tests = testsOf(file);
    const laidIn = tests.filter((test) => test.name === orders?.pass || test.name === orders?.fail);
    const own = tests.filter((test) => !laidIn.includes(test));
    const stateOf = (test: Task | undefined): string | undefined => test?.result?.state;
    for (const test of [...own, ...laidIn.filter((one) => stateOf(one) === 'pass' || stateOf(one) === 'fail')]) {
      const names = namesOf(test);
      const status = statusOf(test);
      if (status === 'passed' && !exempt) account.told([at, ...names]);
      const message = status === 'failed' ? (test.result?.errors ?? []).map(errorText).join('\n').slice(0, MAX_MESSAGE) : null;
      report.case({ file: at, names: names.slice(-MAX_NAMES), status, ms: Math.max(0, Number(test.result?.duration ?? 0)), message });
    }
    if (!exempt && own.some((test) => stateOf(test) === 'pass')) {
      this.#awaited.push(file.filepath ?? file.name);
      if (laidIn.map(stateOf).sort().join() !== 'fail,pass') report.write({ problem: `cases of ${at} passed, but those that were laid in did not end as they must`.slice(0, 1000) });
    }
    const failed = own.filter((test) => stateOf(test) === 'fail').length;
    const whole = file.result?.state === 'fail' || file.result?.state === 'run' || file.result?.state === 'queued';
    const byOurs = laidIn.some((test) => stateOf(test) === 'fail') && (file.result?.errors ?? []).length === 0 && !suitesOf(file).some((suite) => stateOf(suite) === 'fail' && suite.tasks?.includes(laidIn[0] as Task) !== true);
    const errors = [file, ...suitesOf(file)].flatMap((one) => one.result?.errors ?? []);
    if (whole && failed === 0 && !byOurs) report.case({ file: at, names: [], status: 'failed', ms: 0, message: (errorText(errors[0]) || 'the file failed outside of its tests').slice(0, MAX_MESSAGE) });
    return failed + (whole && !byOurs ? 1 : 0);
  }
}

/** A process states before it sends its last message, by another way: what was sent may still be on it. */
async function settled(files: readonly string[]): Promise<void> {
  for (let waited = 0; waited < WAIT_MS && files.some((file) => account.threw(file) === null); waited += 50) await new Promise((resolve) => setTimeout(resolve, 50));
}

function statusOf(test: Task): Told['status'] {
  const state = test.result?.state ?? test.mode;
  return state === 'pass' ? 'passed' : state === 'fail' ? 'failed' : state === 'todo' ? 'todo' : 'skipped';
}

/** Not every version tells its own. */
function versionOf(folder: string): string {
  try {
    return String((JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly version?: unknown }).version).slice(0, 40);
  } catch {
    return 'of no version';
  }
}

function errorText(error: unknown): string {
  const { stack, message } = (typeof error === 'object' && error !== null ? error : { message: error ?? '' }) as { readonly stack?: unknown; readonly message?: unknown };
  return String(stack ?? message ?? '').slice(0, MAX_MESSAGE);
}

function defined(all: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A process for test files gets one more channel, of which nothing is handed on to what it starts itself, and our program before any file of the tree. */
function handOn(): void {
  const prototype = ChildProcess.prototype as unknown as { spawn(this: ChildProcess, options: Spawned): unknown };
  const { spawn } = prototype;
  prototype.spawn = function (options) {
    if (orders === null || !isWorker(options)) return spawn.call(this, options);
    const channel = options.stdio.length;
    options.stdio = [...options.stdio, 'pipe'];
    options.args = [options.args[0] ?? '', '--require=/opt/sallyport/vitest-worker.cjs', ...options.args.slice(1)];
    options.envPairs?.push(`${CHANNEL}=${channel}`, `${HOME}=${home}`);
    const result = spawn.call(this, options);
    const stream = this.stdio[channel] as (Duplex & { unref?(): void }) | undefined;
    const name = String(this.pid);
    stream?.on('error', () => undefined);
    stream?.on('data', (bytes: Buffer) => account.hear(name, bytes.toString('latin1')));
    stream?.write(line);
    stream?.unref?.();
    return result;
  };
}

interface Spawned {
  args: string[];
  stdio: unknown[];
  readonly envPairs?: string[];
}

function isWorker({ args, stdio }: Spawned): boolean {
  return Array.isArray(stdio) && stdio.includes('ipc') && Array.isArray(args) && args.some((arg) => arg === join(home, 'dist/workers/forks.js') || /\/tinypool\/dist\/(?:esm\/)?entry\/process\.js$/.test(arg));
}
