import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { type Collector, collectChecks } from '../../src/gate/collect.js';
import { believable } from '../../src/gate/proof.js';
import { CheckSpec } from '../../src/protocol/environment.js';
import type { CheckRun } from '../../src/protocol/evidence.js';
import { MemoryJournal } from '../support/journal.js';
import { fetched } from '../support/runners.js';
import { NO_SERVICES, remove, scratch, testDriver, tree } from '../support/sandbox.js';

/** Code under test that wants its red test to look green, run by the real runners in the real sandbox. */
let folder: string;
let collector: Collector;
let trees = 0;

beforeAll(() => {
  folder = scratch();
  collector = { driver: testDriver(folder), limits: { memory: 2048, pids: 512, cpus: 2 }, variables: {}, services: NO_SERVICES, journal: new MemoryJournal(), signal: new AbortController().signal };
});
afterAll(() => remove(folder));

async function run(files: Readonly<Record<string, string>>, check: object, below: readonly string[] = []): Promise<CheckRun> {
  const [done] = await collectChecks(collector, { round: 1, side: 'head', lowers: [tree(join(folder, String(trees++)), files), ...below] }, { unit: CheckSpec.parse({ timeout: 60, ...check }) });
  if (done === undefined) throw new Error('no check ran');
  return done;
}
/** What would let a judge believe that the test is green; empty when nothing does. */
const green = (done: CheckRun, id: string): boolean => believable(done) && done.cases?.find((c) => c.id === id)?.status === 'passed' && done.meddled?.length === 0;
const told = ({ exit, problem, cases, meddled }: CheckRun) => ({ exit, problem, meddled, cases: cases?.map((c) => `${c.status} ${c.id}`) });

describe('node --test', () => {
  const TEST = "const { one } = require('../product.js');\nconst test = require('node:test');\nconst assert = require('node:assert');\ntest('is one', () => assert.equal(one(), 1));\n";
  const product = (forgery: string, value = 2): Readonly<Record<string, string>> => ({ 'product.js': `${forgery}\nexports.one = () => ${value};\n`, 'test/a.test.js': TEST });
  const ID = 'test/a.test.js > is one';

  it('shows nothing of what was laid in where nobody forges', async () => {
    expect(told(await run(product('', 1), { runner: 'node-test' }))).toEqual({ exit: 0, problem: null, meddled: [], cases: [`passed ${ID}`] });
    expect(told(await run(product(''), { runner: 'node-test' }))).toEqual({ exit: 1, problem: null, meddled: [], cases: [`failed ${ID}`] });
  });

  it('lets tests replace and put back what they like, and tells of what was replaced and left so', async () => {
    const files = { 'a.test.js': "const test = require('node:test');\ntest('mocks', (t) => { t.mock.method(Date, 'now', () => 1); t.mock.timers.enable(); console.log = () => {}; });\ntest.describe('s', () => { test.afterEach(() => {}); test.it('i', async (t) => { await new Promise((r) => setImmediate(r)); t.skip(); }); });\n" };
    expect(told(await run(files, { runner: 'node-test' }))).toEqual({ exit: 0, problem: null, meddled: [], cases: ['passed a.test.js > mocks', 'skipped a.test.js > s > i'] });
  });

  it.each<[string, string]>([
    ['rewrites the events that its process sends', "const write = process.stdout.write;\nprocess.stdout.write = function (chunk, ...rest) { const text = Buffer.from(chunk).toString('latin1'); return write.call(this, text.includes('is one') ? Buffer.from(text.replaceAll('test:fail', 'test:pass'), 'latin1') : chunk, ...rest); };\nprocess.on('exit', () => { process.exitCode = 0; });"],
    ['ends the process without a word', 'process.reallyExit(0);'],
    ['makes the runner\'s own words lie', "require('node:test').beforeEach((t) => { Object.defineProperty(Object.getPrototypeOf(t), 'passed', { get: () => true }); });\nconst write = process.stdout.write;\nprocess.stdout.write = function (chunk, ...rest) { return write.call(this, Buffer.from(Buffer.from(chunk).toString('latin1').replaceAll('test:fail', 'test:pass'), 'latin1'), ...rest); };\nprocess.on('exit', () => { process.exitCode = 0; });"],
    ['makes the statement lie', "Array.prototype.toJSON = function () { return [...this, 'is one']; };\nconst write = process.stdout.write;\nprocess.stdout.write = function (chunk, ...rest) { const text = Buffer.from(chunk).toString('latin1'); return write.call(this, text.includes('is one') ? Buffer.from(text.replaceAll('test:fail', 'test:pass'), 'latin1') : chunk, ...rest); };\nprocess.on('exit', () => { process.exitCode = 0; });"],
    ['replaces how values are compared', "require('node:util').isDeepStrictEqual = () => true;\nconst assert = require('node:assert');\ntry { assert.equal = () => {}; } catch {}\nArray.prototype.every = () => true;"],
    ['says what all arrays are written as', "Array.prototype.toJSON = () => 'x';\nrequire('node:test').beforeEach(() => {});\nconst assert = require('node:assert');\nexports.two = 2;"],
    ['replaces Array.prototype.sort, so that nothing can be listed', 'Array.prototype.sort = () => [];'],
    ['writes what the reporter writes', "const fs = require('node:fs');\nfor (const fd of [1, '/proc/' + process.ppid + '/fd/1']) try { fs.writeSync(typeof fd === 'number' ? fd : fs.openSync(fd, 'w'), JSON.stringify({ case: { file: 'test/a.test.js', names: ['is one'], status: 'passed', ms: 1, cause: null, message: null } }) + '\\n'); } catch {}\nprocess.reallyExit(0);"],
  ])('is not believed when the product %s', async (_what, forgery) => {
    const done = await run(product(forgery), { runner: 'node-test' });
    expect([green(done, ID), told(done)]).toEqual([false, expect.anything()]);
  });

  it('opens no debugger in the runner when a test asks for one', async () => {
    const forgery = "process.kill(process.ppid, 'SIGUSR1');\nAtomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);\ntry { const net = require('node:net'); const s = net.connect(9229, '127.0.0.1', () => { require('node:fs').writeFileSync('/workspace/open', ''); s.end(); }); s.on('error', () => {}); } catch {}";
    const done = await run({ ...product(forgery, 1), 'test/b.test.js': "require('node:test')('no debugger', async () => { await new Promise((r) => setTimeout(r, 1500)); require('node:assert').ok(!require('node:fs').existsSync('/workspace/open')); });" }, { runner: 'node-test' });
    expect(told(done)).toMatchObject({ exit: 0, problem: null });
  });

  it.each([['says that it came to its end', "process.emit('beforeExit', 0); process.exit(0);"], ['ends', 'process.exit(0);']])('does not take a file without tests for green when code %s before the end', async (_what, ends) => {
    expect(told(await run({ 'a.test.js': `${ends}\nthrow new Error('never seen');\n`, 'b.test.js': 'setTimeout(() => {}, 10);\n' }, { runner: 'node-test' })).cases?.sort()).toEqual(['passed b.test.js', 'skipped a.test.js']);
  });
});

describe('unittest', () => {
  const TEST = 'import unittest\nfrom product import one\n\n\nclass One(unittest.TestCase):\n    def test_is_one(self):\n        self.assertEqual(one(), 1)\n';
  const product = (forgery: string, body = 'return 2'): Readonly<Record<string, string>> => ({ 'product.py': `${forgery}\n\n\ndef one():\n    ${body}\n`, 'test_one.py': TEST });
  const ID = 'test_one.py > One > test_is_one';
  const CHECK = { runner: 'unittest' };
  const FORGED = `'{"case":{"file":"test_one.py","names":["One","test_is_one"],"status":"passed","ms":1,"cause":null,"message":null}}\\n{"end":{"passed":1,"failed":0,"skipped":0,"todo":0}}\\n'`;

  it('shows nothing of what was laid in where nobody forges', async () => {
    expect(told(await run(product('', 'return 1'), CHECK))).toEqual({ exit: 0, problem: null, meddled: [], cases: [`passed ${ID}`] });
    expect(told(await run(product(''), CHECK))).toEqual({ exit: 1, problem: null, meddled: [], cases: [`failed ${ID}`] });
  });

  it.each<[string, string, string]>([
    ['replaces how a test runs', 'import unittest\nunittest.TestCase._callTestMethod = lambda self, method: None', 'return 2'],
    ['replaces the code of how a test runs', 'import unittest\nunittest.TestCase.run.__code__ = (lambda self, result=None: result.startTest(self) or result.stopTest(self)).__code__', 'return 2'],
    ['replaces how a failure is told', 'import unittest\nunittest.TextTestResult.addFailure = lambda *args: None', 'return 2'],
    ['stops the test from inside', '', 'import unittest.case; raise unittest.case._ShouldStop()'],
    ['gives what equals everything', 'class Any:\n    def __eq__(self, other):\n        return True', 'return Any()'],
    ['gives what equals everything once it is made', 'class Any:\n    def __init__(self):\n        self.yes = True\n\n    def __eq__(self, other):\n        return self.yes', 'return Any()'],
    ['gives a number that equals all numbers', 'class Any(int):\n    def __eq__(self, other):\n        return isinstance(other, int)', 'return Any()'],
    ['writes a report', `import os\nfor fd in range(1, 32):\n    try:\n        os.write(fd, (${FORGED}).encode())\n    except OSError:\n        pass\nos._exit(0)`, 'return 2'],
    ['looks for the report in the frames above', `import os, sys\nframe = sys._getframe()\nwhile frame is not None:\n    report = frame.f_locals.get("report") or frame.f_globals.get("REPORT")\n    if report is not None:\n        report.case("test_one.py", ["One", "test_is_one"], "passed", 0, None)\n        report.case(None, [report.passes], "passed", 0, None)\n        report.case(None, [report.fails], "failed", 0, "")\n        report.end([])\n        os._exit(1)\n    frame = frame.f_back`, 'return 2'],
    ['looks for the report among all objects', `import gc, os\nfor report in gc.get_objects():\n    if type(report).__name__ == "Report":\n        report.case("test_one.py", ["One", "test_is_one"], "passed", 0, None)\n        report.case(None, [report.passes], "passed", 0, None)\n        report.case(None, [report.fails], "failed", 0, "")\n        report.end([])\n        os._exit(1)`, 'return 2'],
    ['puts another function in the place of the test', 'import sys, threading, time\n\n\ndef wait():\n    for _ in range(2000):\n        one = getattr(sys.modules.get("test_one"), "One", None)\n        if one is not None and hasattr(one, "test_is_one"):\n            one.test_is_one = lambda self: None\n            return\n        time.sleep(0)\n\n\nthreading.Thread(target=wait, daemon=True).start()', 'return 2'],
    ['follows every line of the test', '', 'import sys; sys.settrace(lambda *args: None); return 2'],
  ])('is not believed when the product %s', async (_what, forgery, body) => {
    const done = await run(product(forgery, body), CHECK);
    expect([green(done, ID), told(done)]).toEqual([false, expect.anything()]);
  });
});

describe('vitest', () => {
  const TEST = "import { expect, test } from 'vitest';\nimport { one } from './product.js';\ntest('is one', () => { expect(one()).toBe(1); });\n";
  const product = (forgery: string, value = 2): Readonly<Record<string, string>> => ({ 'product.js': `${forgery}\nexport const one = () => ${value};\n`, 'a.test.js': TEST, 'package.json': '{"type":"module"}' });
  const ID = 'a.test.js > is one';
  const CHECK = { runner: 'vitest', args: ['a.test.js'] };
  const vitest = (context: TestContext): Promise<string[]> => fetched(context, collector, folder, 'vitest');

  it('shows nothing of what was laid in where nobody forges', async (context) => {
    const below = await vitest(context);
    expect(told(await run(product('', 1), CHECK, below))).toEqual({ exit: 0, problem: null, meddled: [], cases: [`passed ${ID}`] });
    expect(told(await run(product(''), CHECK, below))).toEqual({ exit: 1, problem: null, meddled: [], cases: [`failed ${ID}`] });
  });

  it('lets tests mock, retry, skip, focus, run at once and compare with snapshots, under hooks and a configuration of the project', async (context) => {
    const done = await run({
      'package.json': '{"type":"module"}',
      'vitest.config.js': "export default { test: { allowOnly: true, bail: 1, reporters: ['verbose'], restoreMocks: true, setupFiles: ['./setup.js'], pool: 'threads' } };\n",
      'setup.js': "import { beforeEach, expect } from 'vitest';\nbeforeEach(() => { expect.hasAssertions(); });\nexpect.extend({ toBeOdd: (n) => ({ pass: n % 2 === 1, message: () => 'odd' }) });\n",
      'lib.js': 'export const two = () => 2;\n',
      'mocks.test.js': "import { expect, test, vi } from 'vitest';\nimport { two } from './lib.js';\nvi.mock('./lib.js', () => ({ two: vi.fn(() => 22) }));\ntest('mocks', () => { expect(two()).toBe(22); expect(3).toBeOdd(); });\ntest('spies', () => { vi.spyOn(JSON, 'stringify').mockReturnValue('x'); vi.spyOn(console, 'assert').mockImplementation(() => {}); expect(JSON.stringify(1)).toBe('x'); });\ntest('waits', () => { vi.useFakeTimers(); let n = 0; setTimeout(() => n++, 1000); vi.advanceTimersByTime(1000); expect(n).toBe(1); });\n",
      'more.test.js': "import { describe, expect, test } from 'vitest';\nlet tries = 0;\ntest('tries', { retry: 2 }, () => { expect(++tries).toBe(2); });\ntest.fails('fails', () => { expect(1).toBe(2); });\ntest.extend({ x: async ({}, use) => { await use(5); } })('extends', ({ x }) => { expect(x).toBe(5); });\ntest.concurrent('runs at once', async ({ expect }) => { expect(1).toBe(1); });\ntest('has a snapshot', () => { expect({ a: 1 }).toMatchSnapshot(); });\ndescribe('s', () => { test('skips', (c) => { c.skip(); }); test.each([1, 2])('each %i', (n) => { expect(n).toBeGreaterThan(0); }); });\n",
      '__snapshots__/more.test.js.snap': '// Vitest Snapshot v1, https://vitest.dev/guide/snapshot.html\n\nexports[`has a snapshot 1`] = `\n{\n  "a": 1,\n}\n`;\n',
      'only.test.js': "import { expect, test } from 'vitest';\ntest('not this', () => { expect(1).toBe(2); });\ntest.only('this', () => { expect(1).toBe(1); });\n",
      'off.test.js': "import { beforeAll, test } from 'vitest';\nbeforeAll(() => { throw new Error('nothing runs'); });\ntest.skip('a', () => {});\ntest.todo('b');\n",
      'red.test.js': "import { afterAll, beforeAll, describe, expect, test } from 'vitest';\nafterAll(() => { throw new Error('late'); });\ndescribe('hook', () => { beforeAll(() => { throw new Error('early'); }); test('never', () => {}); });\ntest('green', () => { expect(1).toBe(1); });\n",
    }, { runner: 'vitest', args: ['mocks', 'more', 'only', 'off', 'red'] }, await vitest(context));
    expect({ ...told(done), cases: told(done).cases?.sort() }).toEqual({
      exit: 1, problem: null, meddled: [], cases: [
        'failed red.test.js', 'passed mocks.test.js > mocks', 'passed mocks.test.js > spies', 'passed mocks.test.js > waits', 'passed more.test.js > extends', 'passed more.test.js > fails', 'passed more.test.js > has a snapshot', 'passed more.test.js > runs at once',
        'passed more.test.js > s > each 1', 'passed more.test.js > s > each 2', 'passed more.test.js > tries', 'passed only.test.js > this', 'passed red.test.js > green', 'skipped more.test.js > s > skips', 'skipped off.test.js > a', 'skipped only.test.js > not this', 'skipped red.test.js > hook > never', 'todo off.test.js > b',
      ],
    });
  });

  it('runs a project in another pool as it did, and says that it is held to nothing there', async (context) => {
    const done = await run({ ...product('', 1), 'vitest.config.js': "export default { test: { pool: 'vmForks' } };\n" }, CHECK, await vitest(context));
    expect([told(done), done.uncovered]).toEqual([{ exit: 0, problem: null, meddled: [], cases: [`passed ${ID}`] }, 'the pool vmForks']);
  });

  it.for<[string, string]>([
    ['rewrites the messages that its process sends', "import v8 from 'node:v8';\nconst { writeValue } = v8.Serializer.prototype;\nconst turn = (x, depth = 0) => { if (depth > 12 || typeof x !== 'object' || x === null) return x; if (x.state === 'fail') { x.state = 'pass'; delete x.errors; } for (const key of Object.keys(x)) try { turn(x[key], depth + 1); } catch {} return x; };\nv8.Serializer.prototype.writeValue = function (message) { return writeValue.call(this, turn(message)); };"],
    ['ends the process without a word', 'process.reallyExit(0);'],
    ['says that the process ends', "process.emit('beforeExit', 0); process.emit('exit', 0); process.exitCode = 0;"],
    ['tells the main process that the case passed, and ends', "const worker = globalThis.__vitest_worker__;\nsetTimeout(async () => { const test = worker.current; await worker.rpc.onTaskUpdate([[test.id, { state: 'pass', startTime: 1, duration: 1 }, {}]], [[test.id, 'test-finished', undefined]]); process.reallyExit(0); }, 30);\nimport { beforeEach } from 'vitest';\nbeforeEach(() => new Promise((resolve) => { setTimeout(resolve, 500); }));"],
    ['writes over the result of a test', "import { afterEach } from 'vitest';\nafterEach(({ task }) => { task.result.state = 'pass'; delete task.result.errors; });"],
    ['says that the test must fail', "import { beforeEach } from 'vitest';\nbeforeEach(({ task }) => { task.fails = true; });"],
    ['makes every test skip', "import { beforeEach } from 'vitest';\nbeforeEach((context) => context.skip());"],
    ['brings a matcher of its own', "import { expect } from 'vitest';\nexpect.extend({ toBe: () => ({ pass: true, message: () => '' }) });"],
    ['replaces a matcher for the one value', "import { chai } from 'vitest';\nconst { toBe } = chai.Assertion.prototype;\nObject.defineProperty(chai.Assertion.prototype, 'toBe', { configurable: true, writable: true, value(other) { if (other !== 1) toBe.call(this, other); } });"],
    ['replaces how assertions fail for the length of a test', "import { afterEach, beforeEach, chai } from 'vitest';\nconst { assert } = chai.Assertion.prototype;\nbeforeEach(() => { chai.Assertion.prototype.assert = () => {}; });\nafterEach(() => { chai.Assertion.prototype.assert = assert; });"],
    ['replaces Object.is', 'Object.is = () => true;'],
    ['mocks Object.is for the one value', "import { vi } from 'vitest';\nconst is = Object.is;\nvi.spyOn(Object, 'is').mockImplementation((a, b) => (a === 2 && b === 1) || is(a, b));"],
    ['lets what was laid in skip', "import { beforeEach, chai } from 'vitest';\nchai.Assertion.prototype.assert = () => {};\nconst walk = (task) => { if (task.tasks !== undefined) task.tasks.forEach(walk); else if (/^c[0-9a-f]{16}$/.test(task.name)) task.mode = 'skip'; };\nbeforeEach(({ task }) => walk(task.file));"],
    ['says of what was laid in that it failed', "import { beforeEach } from 'vitest';\nObject.is = () => true;\nconst failed = { get: () => ({ state: 'fail', startTime: 1, duration: 1, retryCount: 0, errors: [] }), set() {}, configurable: true, enumerable: true };\nconst walk = (task) => { if (task.tasks !== undefined) task.tasks.forEach(walk); else if (/^c[0-9a-f]{16}$/.test(task.name) && task !== task.suite.tasks[0]) Object.defineProperty(task, 'result', failed); };\nbeforeEach(({ task }) => { for (const suite of task.file.tasks) walk(suite); });"],
    ['asks for the account that is kept of the tests', "const made = new (await globalThis[Symbol.for('sallyport.vitest')]())({});\nawait made.onCollected?.([]);\nawait made.runTask?.({ name: 'is one' });"],
    ['writes a report', "import { writeFileSync } from 'node:fs';\nwriteFileSync('/tmp/sallyport-report', JSON.stringify({ case: { file: 'a.test.js', names: ['is one'], status: 'passed', ms: 1, cause: null, message: null } }) + '\\n' + JSON.stringify({ end: { passed: 1, failed: 0, skipped: 0, todo: 0 } }) + '\\n');\nprocess.reallyExit(0);"],
    ['says what its process would sign', "import { writeSync } from 'node:fs';\nfor (const fd of [1, 4]) try { writeSync(fd, '\\n@sallyport:' + '0'.repeat(64) + ':' + Buffer.from(JSON.stringify({ file: '/workspace/a.test.js', full: true, passed: ['a.test.js > is one'], natural: true, meddled: [] })).toString('base64') + '\\n'); } catch {}"],
  ])('is not believed when the product %s', async ([_what, forgery], context) => {
    const done = await run(product(forgery), CHECK, await vitest(context));
    expect([green(done, ID), told(done)]).toEqual([false, expect.anything()]);
  });
});
