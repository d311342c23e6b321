import assert from 'node:assert';
import { join } from 'node:path';
import { env, execArgv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { failBy } from './must-fail.js';
import { type Orders, readOrders } from './orders.js';
import { state } from './said.js';
import { shown } from './shown.js';
import { CHANNEL, HOME, MAKE, namesOf, type Task, testsOf } from './vitest-form.js';
import { look, meddled, watch } from './watch.js';

/**
 * Loaded INSIDE a sandbox into each process that vitest starts for test files, before any file of the project. It takes the run's orders from a channel of its own and gives vitest a runner (./vitest-runner.ts):
 * vitest's, which also keeps an account of the tests whose function came to its end, signs it when the file ends, and lays in two cases after those of the file.
 */
interface Runner {
  config: { readonly globals?: boolean };
  onBeforeCollect?(paths: unknown): unknown;
  importFile(path: string, source: string): unknown;
  onCollected?(files: Task[]): unknown;
  runTask?(test: Task): unknown;
  onAfterRunTask?(test: Task): unknown;
  onBeforeRunSuite?(suite: Task): unknown;
  onAfterRunSuite?(suite: Task): unknown;
  onAfterRunFiles?(files: Task[]): unknown;
}
type RunnerClass = (new (config: unknown) => Runner) & { readonly getTestFn?: TestFn };
type TestFn = (test: Task) => (() => unknown) | undefined;
type Expect = (value: unknown) => Record<'toBe' | 'toEqual' | 'toStrictEqual' | 'toContain' | 'toHaveLength' | 'toMatch' | 'toBeGreaterThan' | 'toHaveProperty' | 'toSatisfy' | 'toBeOneOf', (other: unknown) => void>
  & Record<'toBeTruthy' | 'toBeNull' | 'toThrow', () => void> & { readonly not: { toBe(other: unknown): void; toEqual(other: unknown): void } };
type Suite = (name: string, body: () => void) => void;
interface Library {
  readonly TestRunner?: RunnerClass;
  readonly expect: Expect & object;
  readonly assert: { equal(a: unknown, b: unknown): void; deepEqual(a: unknown, b: unknown): void; isTrue(a: unknown): void } & object;
  readonly chai: { readonly Assertion: { readonly prototype: object } };
  readonly describe: Suite & object;
  readonly test: ((name: string, body: () => void) => void) & object;
}

// Code under test may replace any of these later.
const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { get, set } = Map.prototype;
const GLOBALS = ['test', 'it', 'describe', 'suite', 'expect', 'assert', 'beforeAll', 'afterAll', 'beforeEach', 'afterEach'];

/** vitest itself lays these in anew for each test that asks for an `expect` of its own. */
const REMADE = ['chai.Assertion.prototype.toSatisfy', 'chai.Assertion.prototype.toBeOneOf'];

const { [CHANNEL]: number, [HOME]: home = '' } = env;
delete env[CHANNEL]; // processes that tests start have no orders to wait for
delete env[HOME];
for (let at = execArgv.length - 1; at >= 0; at--) if (execArgv[at]?.startsWith('--require=/opt/sallyport/') === true) execArgv.splice(at, 1);
const channel = Number(number);
const orders = number === undefined ? null : readOrders(channel);
if (orders !== null) orders.line = '';
let watching = false;
let busy = false;

defineProperty(globalThis, Symbol.for(MAKE), { value: runner, enumerable: false });

/** The class that vitest makes its runner of. Called by ./vitest-runner.ts before a file of the project is loaded. */
async function runner(): Promise<RunnerClass> {
  const load = (file: string): Promise<unknown> => import(pathToFileURL(join(home, 'dist', file)).href);
  const library = (await load('index.js')) as Library;
  const Base = library.TestRunner ?? ((await load('runners.js')) as { readonly VitestTestRunner: RunnerClass }).VitestTestRunner;
  const getFn = Base.getTestFn ?? ((await load('suite.js')) as { readonly getFn: TestFn }).getFn;
  return class extends Base {
    constructor(config: unknown) {
      super(config);
      ownMethods(this);
      if (orders !== null && !busy) account(this, orders, library, getFn);
    }
  };
}

/** Methods that stand on a prototype are found there anew at each call, by whoever put them there. */
function ownMethods(made: object): void {
  for (let at = getPrototypeOf(made); at !== null && at !== Object.prototype; at = getPrototypeOf(at)) {
    for (const key of ownKeys(at)) {
      const { value } = getOwnPropertyDescriptor(at, key) ?? {};
      if (key !== 'constructor' && typeof value === 'function' && getOwnPropertyDescriptor(made, key) === undefined) defineProperty(made, key, { value, writable: true, configurable: true, enumerable: false });
    }
  }
}

/** What a test was when the file was collected: whoever changes it later changes nothing here. */
interface Known {
  readonly name: string;
  readonly file: string;
  /** Whether it is the case that must fail. */
  readonly must: boolean;
  readonly fn: () => unknown;
  readonly fails: boolean;
  /** Whether its last try came to its end. */
  came: boolean;
}

function account(runner: Runner, own: Orders, library: Library, getFn: TestFn): void {
  const known = new Map<Task, Known>();
  const knownOf = (test: Task): Known | undefined => apply(get, known, [test]) as Known | undefined;
  const ours = new Set<Task>();
  let passed: string[] = [];
  /** By file: whether the case that must fail threw. */
  const threw = Object.create(null) as Record<string, boolean>;
  const { onBeforeCollect, importFile, onCollected, onAfterRunTask, onBeforeRunSuite, onAfterRunSuite, onAfterRunFiles } = runner;
  const run = <T extends unknown[]>(method: ((...args: T) => unknown) | undefined, ...args: T): unknown => (method === undefined ? undefined : apply(method, runner, args));

  runner.onBeforeCollect = (paths) => {
    busy = true;
    if (!watching) watch(judges(library), GLOBALS, REMADE);
    watching = true;
    return run(onBeforeCollect, paths);
  };
  runner.importFile = async (path, source) => {
    const result = await run(importFile, path, source);
    if (source === 'collect') layIn(runner, own, library);
    return result;
  };
  // vitest puts a function of its own here, which tells the main process first: what is told then must be in order.
  let outer: ((files: Task[]) => unknown) | undefined;
  defineProperty(runner, 'onCollected', {
    configurable: true,
    set(next: (files: Task[]) => unknown) {
      outer = next;
    },
    get: () => (outer === undefined ? onCollected : (files: Task[]): unknown => {
      for (const file of files) arrange(file);
      return run(outer, files);
    }),
  });
  runner.runTask = async (test) => {
    const one = knownOf(test);
    if (one === undefined) throw new Error('a test that was not collected');
    one.came = false;
    try {
      await one.fn();
      one.came = true;
    } finally {
      look('strict');
    }
  };
  runner.onAfterRunTask = async (test) => {
    const result = await run(onAfterRunTask, test);
    look('mocks');
    const one = knownOf(test);
    if (one?.must === true) threw[one.file] = !one.came;
    if (one !== undefined && one.came !== one.fails && test.result?.state === 'pass') passed[passed.length] = one.name;
    return result;
  };
  runner.onBeforeRunSuite = (suite) => (ours.has(suite) ? undefined : run(onBeforeRunSuite, suite));
  runner.onAfterRunSuite = (suite) => (ours.has(suite) ? undefined : run(onAfterRunSuite, suite));
  runner.onAfterRunFiles = async (files) => {
    const result = await run(onAfterRunFiles, files);
    for (const file of files) {
      const at = file.filepath ?? file.name;
      state(own, channel, { file: at, full: true, passed, natural: true, threw: threw[at] === true, meddled: meddled() });
      passed = [];
    }
    busy = false;
    return result;
  };

  /** What is laid in runs where anything of the file does, apart from the hooks and from what else the project says of its tests. */
  function arrange(file: Task): void {
    const suite = file.tasks?.find((one) => one.tasks?.some((test) => test.name === own.pass) === true);
    const others = file.tasks?.filter((one) => one !== suite) ?? [];
    const runs = file.result?.state !== 'fail' && others.flatMap((one) => (one.type === 'suite' ? testsOf(one) : [one])).some(toRun);
    if (suite !== undefined && file.tasks !== undefined && !ours.has(suite)) {
      if (!runs) {
        file.tasks = others;
        if (others.length > 0 && !others.some(toRun) && toRun(file)) file.mode = 'skip';
      } else {
        ours.add(suite);
        for (const one of [suite, ...testsOf(suite)]) Object.assign(one, { mode: 'run', concurrent: undefined, shuffle: false, retry: 0 });
        // At a file vitest stops looking for hooks of what is around a test.
        defineProperty(suite, 'filepath', { value: file.filepath, enumerable: false });
      }
    }
    const at = file.filepath ?? file.name;
    for (const test of testsOf(file)) {
      const fn = getFn(test);
      if (fn !== undefined && knownOf(test) === undefined) apply(set, known, [test, { name: [shown(at), ...namesOf(test)].join(' > '), file: at, must: test.name === own.fail, fn, fails: test.fails === true, came: false }]);
    }
  }
}

function toRun({ mode }: Task): boolean {
  return mode === 'run' || mode === 'queued';
}

/** After the tests of the file, by the functions that they were written with. */
function layIn({ config }: Runner, own: Orders, library: Library): void {
  const named = (config.globals === true ? globalThis : {}) as Partial<Library>;
  const { describe, test } = { ...library, ...(named.describe === undefined || named.test === undefined ? {} : { describe: named.describe, test: named.test }) };
  describe('', () => {
    test(own.pass, () => library.expect(1).toBe(1));
    test(own.fail, () => failBy([library.expect, named.expect ?? library.expect].flatMap((expect) => falsehoods(expect)).concat([
      () => library.assert.equal(1, 2), () => library.assert.deepEqual({ a: 1 }, { a: 2 }), () => library.assert.isTrue(false), () => assert.ok(false),
    ])));
  });
}

function falsehoods(expect: Expect): (() => unknown)[] {
  return [
    () => expect(1).toBe(2), () => expect({ a: 1 }).toEqual({ a: 2 }), () => expect({ a: 1 }).toStrictEqual({ a: 2 }), () => expect([1]).toContain(2), () => expect([1]).toHaveLength(2), () => expect('a').toMatch(/b/),
    () => expect(1).toBeGreaterThan(2), () => expect({}).toHaveProperty('a'), () => expect(1).toSatisfy(() => false), () => expect(1).toBeOneOf([2]), () => expect(0).toBeTruthy(), () => expect(1).toBeNull(), () => expect(() => undefined).toThrow(), () => expect(1).not.toBe(1), () => expect([1]).not.toEqual([1]),
  ];
}

/** What tests of vitest are judged by. */
function judges({ expect, assert: own, chai, describe, test }: Library): Record<string, object> {
  return { expect, 'chai.assert': own, 'chai.Assertion.prototype': chai.Assertion.prototype, describe, test, assert, 'assert.strict': assert.strict };
}
