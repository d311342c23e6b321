import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, collectChecks } from '../../src/gate/collect.js';
import { believable } from '../../src/gate/proof.js';
import { CheckSpec } from '../../src/protocol/environment.js';
import type { CheckRun } from '../../src/protocol/evidence.js';
import { MemoryJournal } from '../support/journal.js';
import { NO_SERVICES, remove, scratch, testDriver, tree } from '../support/sandbox.js';

/** Code under test that wants its red test to look green, run by the real runners in the real sandbox. */
let folder: string;
let collector: Collector;
let trees = 0;

beforeAll(() => {
  folder = scratch();
  collector = { driver: testDriver(folder), limits: { memory: 1024, pids: 256, cpus: 2 }, variables: {}, services: NO_SERVICES, journal: new MemoryJournal(), signal: new AbortController().signal };
});
afterAll(() => remove(folder));

async function run(files: Readonly<Record<string, string>>, check: object): Promise<CheckRun> {
  const [done] = await collectChecks(collector, { round: 1, side: 'head', lowers: [tree(join(folder, String(trees++)), files)] }, { unit: CheckSpec.parse({ timeout: 60, ...check }) });
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
