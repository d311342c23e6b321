import { EventEmitter } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { argv, cwd } from 'node:process';
import { mustFail } from './must-fail.js';
import { readOrders } from './orders.js';
import { look, meddled, watch } from './watch.js';
import { type Told, WrittenReport } from './written.js';

/**
 * A reporter for mocha (https://mochajs.org/next/explainers/third-party-reporters), bundled to one file and laid into the sandbox: the lines of ./reporter.ts,
 * written to a file since tests print on standard output. It runs beside the code of the tree; nothing of it is trusted.
 *
 * mocha ends at the first file that does not load and reports nothing. So the files are loaded one by one, by mocha itself, and one that
 * fails is a failed case named for it. mocha loads its reporter before it loads the test files, which is what makes this possible.
 */
interface Suite {
  addTest(test: object): void;
  readonly root?: boolean;
  readonly file?: string;
  readonly tests: readonly Runnable[];
  readonly suites: readonly Suite[];
  titlePath(): string[];
}
interface Runnable {
  readonly type?: string;
  readonly title: string;
  readonly file?: string;
  readonly duration?: number;
  readonly parent?: Suite;
  readonly ctx?: { readonly currentTest?: Runnable };
  titlePath(): string[];
}
interface Runner {
  readonly suite: Suite;
  total: number;
  _grep: { test(title: string): boolean };
  _invert: boolean;
  on(event: string, listener: (runnable: Runnable, error?: unknown) => void): unknown;
}
interface Instance {
  files: string[];
}
interface Mocha {
  readonly prototype: Instance & { loadFilesAsync(this: Instance, options?: object): Promise<unknown> };
  readonly Suite: { readonly prototype: unknown; create(parent: Suite, title: string): Suite };
  readonly Test: { readonly prototype: unknown; new (title: string, body: () => unknown): object };
  readonly Runner: { readonly prototype: unknown };
  readonly Runnable: { readonly prototype: unknown };
  readonly Hook: { readonly prototype: unknown };
  readonly reporters: { readonly Spec: new (runner: Runner, options: object) => object };
}

const MAX_MESSAGE = 3000;
const mocha = findMocha();
const unloaded: { readonly file: string; readonly error: unknown }[] = [];
/** Read before a test file is loaded. Without them nothing of this run will be believed. */
const orders = readOrders();
if (orders !== null) orders.line = '';
const report = new WrittenReport(orders);
watch({ 'EventEmitter.prototype': EventEmitter.prototype, ...Object.fromEntries((['Runner', 'Runnable', 'Test', 'Suite', 'Hook'] as const).map((name) => [`mocha.${name}.prototype`, mocha[name].prototype as object])) });

const { loadFilesAsync } = mocha.prototype;
mocha.prototype.loadFilesAsync = async function (this: Instance, options?: object) {
  const { files } = this;
  for (const file of files) {
    this.files = [file];
    await loadFilesAsync.call(this, options).catch((error: unknown) => unloaded.push({ file, error }));
  }
  this.files = files;
};

/** What mocha gets for `require` of this file: the build makes it the module itself. */
export class CaseReporter extends mocha.reporters.Spec {
  constructor(runner: Runner, options: object) {
    super(runner, options);
    layIn(runner);
    runner.on('test end', () => look());
    runner.on('pass', (test) => tell(test, 'passed', null));
    // What has no body (to do) and what is skipped look the same to a reporter.
    runner.on('pending', (test) => tell(test, 'skipped', null));
    runner.on('fail', (test, error) => tell(test, 'failed', messageOf(error)));
  }

  done(failures: number, end?: (failures: number) => void): void {
    for (const { file, error } of unloaded) {
      process.stdout.write(`Cannot load ${shown(file)}: ${messageOf(error)}\n`);
      report.case({ file: shown(file), names: [], status: 'failed', ms: 0, message: messageOf(error) });
    }
    report.write({ meddled: meddled() });
    report.end();
    end?.(failures + unloaded.length);
  }
}

/** A hook that fails is told as the suite that it stands in: its tests may then not run at all. */
function tell(test: Runnable, status: Told['status'], message: string | null): void {
  const hook = test.type === 'hook';
  const file = test.file ?? test.ctx?.currentTest?.file ?? fileOf(test.parent);
  report.case({ file: file === undefined ? null : shown(file), names: hook ? (test.parent?.titlePath() ?? []) : test.titlePath(), status, ms: test.duration ?? 0, message });
}

/** One case that must fail and one that must pass, after all others: what code under test did to mocha by then is done to them too. */
function layIn(runner: Runner): void {
  if (orders === null) return;
  const suite = mocha.Suite.create(runner.suite, '');
  suite.addTest(new mocha.Test(orders.pass, () => undefined));
  suite.addTest(new mocha.Test(orders.fail, mustFail));
  runner.total += 2;
  // A pattern of the project's chooses among its own tests.
  runner.on('start', () => {
    const chosen = runner._grep;
    runner._grep = { test: (title) => (title.includes(orders.pass) || title.includes(orders.fail) ? !runner._invert : chosen.test(title)) };
  });
}

function fileOf(suite: Suite | undefined): string | undefined {
  if (suite === undefined) return undefined;
  return suite.file ?? suite.tests.find((test) => test.file !== undefined)?.file ?? (suite.root === true ? undefined : suite.suites.map(fileOf).find((file) => file !== undefined));
}

function shown(file: string): string {
  return relative(cwd(), file).split(sep).join('/');
}

function messageOf(error: unknown): string {
  try {
    if (typeof error !== 'object' || error === null) return String(error).slice(0, MAX_MESSAGE);
    const stack = Reflect.get(error, 'stack');
    const message = String(Reflect.get(error, 'message') ?? '');
    const places = typeof stack === 'string' ? stack.split('\n').filter((text) => /^\s+at /.test(text) && !/node:|node_modules/.test(text)).slice(0, 3).join('\n') : '';
    return [message, places].filter((part) => part !== '').join('\n').slice(0, MAX_MESSAGE);
  } catch {
    return 'the error cannot be read';
  }
}

/** The very module that runs us: by its file, since the package has no name for it in every version. */
function findMocha(): Mocha {
  let folder = dirname(realpathSync(argv[1] ?? ''));
  for (; dirname(folder) !== folder; folder = dirname(folder)) {
    for (const name of ['lib/mocha.cjs', 'lib/mocha.js']) {
      const file = join(folder, name);
      if (existsSync(file)) return createRequire(file)(file) as Mocha;
    }
  }
  throw new Error('cannot find the mocha that runs this');
}
