import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, collectChecks } from '../../../src/gate/collect.js';
import { measureCheck } from '../../../src/gate/coverage/measure.js';
import { findToolchains } from '../../../src/main/toolchains.js';
import { createBwrapDriver } from '../../../src/sandbox/bwrap/driver.js';
import { CheckSpec } from '../../../src/protocol/environment.js';
import type { CheckRun } from '../../../src/protocol/evidence.js';
import { MemoryJournal } from '../../support/journal.js';
import { fetched, fixture, needs } from '../../support/runners.js';
import { driverOptions, NO_SERVICES, remove, scratch, testDriver, tree } from '../../support/sandbox.js';

/** The real runners in the real sandbox. */
let folder: string;
let collector: Collector;

beforeAll(() => {
  folder = scratch();
  collector = { driver: testDriver(folder), limits: { memory: 2048, pids: 512, cpus: 2 }, variables: {}, services: NO_SERVICES, journal: new MemoryJournal(), signal: new AbortController().signal };
});
afterAll(() => remove(folder));

async function run(lowers: readonly string[], check: object, using = collector): Promise<CheckRun> {
  const [done] = await collectChecks(using, { round: 1, side: 'head', lowers }, { test: CheckSpec.parse(check) });
  if (done === undefined) throw new Error('no check ran');
  return done;
}
const shown = ({ exit, problem, cases }: CheckRun) => ({ exit, problem, cases: cases?.map((c) => `${c.status} ${c.id}`) });
const messageOf = (done: CheckRun, id: string) => done.cases?.find((c) => c.id === id)?.message;

describe('runners of npm', () => {
  it('vitest tells its cases, and a file that does not load', async (context) => {
    const done = await run(await fetched(context, collector, folder, 'vitest'), { runner: 'vitest' });
    expect({ ...shown(done), cases: shown(done).cases?.sort() }).toEqual({
      exit: 1, problem: null, cases: ['failed broken.test.js', 'failed sum.test.js > suite > fails', 'passed sum.test.js > passes', 'skipped sum.test.js > suite > is skipped', 'todo sum.test.js > suite > is to do'],
    });
    expect(messageOf(done, 'broken.test.js')).toContain('nowhere.js');
  });

  it('jest tells its cases, and a file that does not load', async (context) => {
    const done = await run(await fetched(context, collector, folder, 'jest'), { runner: 'jest' });
    expect({ ...shown(done), cases: shown(done).cases?.sort() }).toEqual({
      exit: 1, problem: null, cases: ['failed broken.test.js', 'failed sum.test.js > suite > fails', 'passed sum.test.js > passes', 'skipped sum.test.js > suite > is skipped', 'todo sum.test.js > suite > is to do'],
    });
    expect(messageOf(done, 'broken.test.js')).toContain('nowhere.js');
  });

  it('mocha tells its cases, a file that does not load and a hook that fails', async (context) => {
    const lowers = await fetched(context, collector, folder, 'mocha');
    const done = await run(lowers, { runner: 'mocha' });
    expect(shown(done)).toEqual({
      exit: 3, problem: null,
      cases: ['passed test/sum.js > passes', 'failed test/sum.js > suite > fails', 'skipped test/sum.js > suite > is skipped', 'skipped test/sum.js > suite > is to do', 'failed test/sum.js > hook', 'failed test/broken.js'],
    });
    expect(messageOf(done, 'test/broken.js')).toContain('nowhere.js');
    expect((await run(lowers, { runner: 'mocha', args: ['test/sum.js', '--grep', 'passes'] })).problem).toBe(null);
    // A test that ends the process leaves no end of the report, whatever the exit code says.
    const exits = tree(join(folder, 'exits'), { 'test/sum.js': "it('ends it all', () => process.exit(0));\n" });
    expect(shown(await run([...lowers.slice(0, -1), exits], { runner: 'mocha' }))).toEqual({ exit: 0, problem: 'the report has no end; exit code 0', cases: [] });
  });

  it('node --test and mocha keep the assertions that code under test would replace', async (context) => {
    const liar = { 'sum.js': "const assert = require('node:assert');\nfor (const at of [assert, assert.strict]) for (const name of ['equal', 'strictEqual', 'ok', 'deepStrictEqual']) { try { at[name] = () => {}; } catch {} try { Object.defineProperty(at, name, { value: () => {} }); } catch {} }\nassert.own = 1;\nmodule.exports = (a, b) => a - b + assert.own - 1;\n" };
    const body = "const assert = require('node:assert');\nconst sum = require('../sum.js');\nit('adds', () => assert.strictEqual(sum(1, 2), 3));\nit('is strict', () => assert.strict.equal(sum(1, 2), 3));\n";
    const node = tree(join(folder, 'liar-node'), { ...liar, 'test/sum.test.js': `const { it } = require('node:test');\n${body}` });
    const failed = ['failed test/sum.test.js > adds', 'failed test/sum.test.js > is strict'];
    expect(shown(await run([node], { runner: 'node-test' }))).toEqual({ exit: 1, problem: null, cases: failed });
    const lowers = await fetched(context, collector, folder, 'mocha');
    const mocha = tree(join(folder, 'liar-mocha'), { ...liar, 'test/sum.js': body });
    expect(shown(await run([mocha, ...lowers], { runner: 'mocha', args: ['test/sum.js'] }))).toMatchObject({ exit: 2, problem: null, cases: failed.map((one) => one.replace('sum.test.js', 'sum.js')) });
  });

  it('mocha is not believed when code under test changes it, or the report', async (context) => {
    const lowers = await fetched(context, collector, folder, 'mocha');
    const forgeries = {
      'a test that fails is told as passed': "const { Runner } = require('mocha');\nconst { fail } = Runner.prototype;\nRunner.prototype.fail = function (test, ...rest) { if (test.title === 'adds') this.emit('pass', test); else fail.call(this, test, ...rest); };\n",
      'nothing is thrown in a test': "require('mocha').Runnable.prototype.run = function (done) { done(); };\n",
      'lines are written into the report': "const fs = require('node:fs');\nprocess.on('exit', () => { fs.writeFileSync('/tmp/sallyport-report', JSON.stringify({ case: { file: 'test/sum.js', names: ['adds'], status: 'passed', ms: 1, cause: null, message: null } }) + '\\n' + JSON.stringify({ end: { passed: 1, failed: 0, skipped: 0, todo: 0 } }) + '\\n'); process.exitCode = 0; });\n",
      'assertions of a package hold for everything': "const chai = require.resolve('chai');\nconst library = require(chai);\nlibrary.expect = () => ({ to: { equal() {} } });\n",
    };
    const chai = { 'node_modules/chai/package.json': '{"name":"chai","version":"4.0.0","main":"index.js"}', 'node_modules/chai/index.js': "const assert = require('node:assert');\nexports.expect = (a) => ({ to: { equal(b) { assert.equal(a, b); } } });\nexports.assert = assert;\n" };
    const believed: string[] = [];
    for (const [what, forgery] of Object.entries(forgeries)) {
      const liar = tree(join(folder, `mocha-${what.replaceAll(' ', '-')}`), { ...chai, 'sum.js': `${forgery}module.exports = (a, b) => a - b;\n`, 'test/sum.js': "const sum = require('../sum.js');\nconst { expect } = require('chai');\nit('adds', () => expect(sum(1, 2)).to.equal(3));\n" });
      const done = await run([liar, ...lowers], { runner: 'mocha', args: ['test/sum.js'] });
      if (done.problem === null && done.meddled?.length === 0 && done.cases?.some((c) => c.status === 'passed') === true) believed.push(what);
    }
    expect(believed).toEqual([]);
    const honest = tree(join(folder, 'mocha-honest'), { ...chai, 'test/sum.js': "const { expect } = require('chai');\nit('adds', () => expect(1 + 2).to.equal(3));\nit('is off', function () { this.skip(); });\n" });
    expect([shown(await run([honest, ...lowers], { runner: 'mocha', args: ['test/sum.js'] })), (await run([honest, ...lowers], { runner: 'mocha', args: ['test/sum.js'] })).meddled]).toEqual([{ exit: 0, problem: null, cases: ['passed test/sum.js > adds', 'skipped test/sum.js > is off'] }, []]);
  });

  it('jest and mocha tell which lines were executed; vitest without a provider says why it does not', async (context) => {
    const code = { 'lib/sum.js': 'exports.sum = (a, b) => {\n  if (a < 0) {\n    throw new Error("no");\n  }\n  return a + b;\n};\nexports.never = (a) => a + 1;\n', 'lib/idle.js': 'exports.idle = 1;\n' };
    const measured = async (name: 'jest' | 'mocha' | 'vitest', test: string, body: string) => {
      const lowers = [tree(join(folder, `covered-${name}`), { ...code, [test]: body }), ...(await fetched(context, collector, folder, name))];
      const check = CheckSpec.parse({ runner: name, args: [test] });
      const { by, reason, problem, reports, again } = await measureCheck(collector, { round: 1, lowers }, 'test', check, await run(lowers, check), new Map([['lib/sum.js', [[1, 7]]], ['lib/idle.js', [[1, 1]]]]));
      return { by, reason, problem, files: reports.flatMap((one) => one.files), again: again?.run.problem };
    };
    const files = (idle: readonly unknown[]) => [{ path: 'lib/sum.js', executable: [[1, 3], [5, 5], [7, 7]], executed: [[1, 2], [5, 5]] }, { path: 'lib/idle.js', executable: [[1, 1]], executed: idle }];
    const jest = "const { sum } = require('./lib/sum.js');\ntest('adds', () => expect(sum(1, 2)).toBe(3));\n";
    expect(await measured('jest', 'cov.test.js', jest)).toEqual({ by: 'istanbul', reason: null, problem: null, files: files([]), again: undefined });
    const mocha = "const assert = require('node:assert');\nconst { sum } = require('../lib/sum.js');\nit('adds', () => assert.equal(sum(1, 2), 3));\n";
    expect(await measured('mocha', 'test/cov.js', mocha)).toEqual({ by: 'v8', reason: null, problem: null, files: files([]), again: null });
    const vitest = "import { expect, test } from 'vitest';\nimport { sum } from './lib/sum.js';\ntest('adds', () => expect(sum(1, 2)).toBe(3));\n";
    expect(await measured('vitest', 'cov.test.js', vitest)).toEqual({ by: null, reason: 'no coverage provider of vitest is installed', problem: null, files: [], again: undefined });
  });

  it('has a problem where the runner is not installed', async () => {
    const bare = tree(join(folder, 'bare'), { 'a.test.js': '' });
    for (const runner of ['jest', 'mocha']) expect(shown(await run([bare], { runner }))).toMatchObject({ exit: 127, problem: expect.stringContaining('exit code 127'), cases: [] });
    expect(shown(await run([bare], { runner: 'vitest' }))).toMatchObject({ exit: 1, problem: 'the report has no end; exit code 1', cases: [] });
  });
});

describe('runners of the machine', () => {
  it('unittest tells its cases, a file that does not load and a class whose set-up fails', async (context) => {
    needs(context, 'python3');
    const files = tree(join(folder, 'unittest'), fixture('unittest'));
    const done = await run([files], { runner: 'unittest', args: ['discover', '-s', 'tests'] });
    const at = 'tests/test_sum.py > ';
    expect(shown(done)).toEqual({
      exit: 1, problem: null,
      cases: ['failed tests/test_broken.py', `failed ${at}Hook`, `failed ${at}Sum > test_fails`, `skipped ${at}Sum > test_is_skipped`, `todo ${at}Sum > test_is_to_do`, `failed ${at}Sum > test_parts`, `passed ${at}Sum > test_passes`],
    });
    expect(messageOf(done, 'tests/test_broken.py')).toContain("No module named 'nowhere'");
    expect(shown(await run([tree(join(folder, 'no-python'), { 'a.txt': '' })], { runner: 'unittest' }))).toEqual({ exit: 0, problem: null, cases: [] });
  });

  it('unittest is not the tree\'s own, and one that ends the process has no report', async (context) => {
    needs(context, 'python3');
    const own = tree(join(folder, 'own'), { 'unittest.py': 'raise SystemExit(0)\n', 'json.py': 'raise SystemExit(0)\n', 'test_a.py': 'import os, unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n    def test_b(self): os._exit(0)\n' });
    expect(shown(await run([own], { runner: 'unittest' }))).toEqual({ exit: 0, problem: 'the report has no end; exit code 0', cases: ['passed test_a.py > A > test_a'] });
  });

  it('pytest tells its cases, a file that does not load and a tear-down that fails', async (context) => {
    needs(context, 'python3', '-c', 'import pytest');
    const done = await run([tree(join(folder, 'pytest'), fixture('pytest'))], { runner: 'pytest' });
    const at = 'tests/test_sum.py > ';
    expect(shown(done)).toEqual({
      exit: 1, problem: null,
      cases: ['failed tests/test_broken.py', `passed ${at}test_passes`, `passed ${at}test_each[1]`, `failed ${at}test_each[2]`, `skipped ${at}TestSuite > test_is_skipped`, `todo ${at}TestSuite > test_is_to_do`, `failed ${at}test_tear_down`],
    });
    expect(messageOf(done, 'tests/test_broken.py')).toContain("No module named 'nowhere'");
  });

  it('go test tells its cases, and a package that does not build', async (context) => {
    needs(context, 'go', 'version');
    const done = await run([tree(join(folder, 'go'), fixture('go'))], { runner: 'go' });
    expect(shown(done)).toEqual({
      exit: expect.any(Number), problem: null,
      cases: expect.arrayContaining(['passed example.com/m > TestPasses', 'passed example.com/m > TestParts > good', 'failed example.com/m > TestParts > bad', 'skipped example.com/m > TestIsSkipped', 'failed example.com/m/sub']),
    });
  });
});

describe('cargo', () => {
  it('tells its cases by program, and code that does not compile is a run that cannot be believed', async (context) => {
    const [found] = await findToolchains('rust', homedir(), []);
    if (found === undefined) return context.skip('there is no cargo on this machine');
    needs(context, 'cc');
    const driver = createBwrapDriver({ ...driverOptions(join(folder, 'rust')), toolchains: found.folder === null ? [] : [{ source: found.folder, target: '/opt/toolchain/rust' }] });
    const using = { ...collector, driver };
    const done = await run([tree(join(folder, 'cargo'), fixture('cargo'))], { runner: 'cargo' }, using);
    expect({ ...shown(done), cases: shown(done).cases?.sort() }).toEqual({
      exit: 101, problem: null,
      cases: ['failed src/lib.rs (shop) > tests > breaks', 'passed documentation (shop) > src/lib.rs - total', 'passed src/lib.rs (shop) > tests > adds', 'passed tests/whole.rs (whole) > adds', 'skipped src/lib.rs (shop) > tests > slow'],
    });
    expect(messageOf(done, 'src/lib.rs (shop) > tests > breaks')).toContain('not four');
    const broken = await run([tree(join(folder, 'cargo-broken'), { ...fixture('cargo'), 'tests/whole.rs': 'fn broken( {' })], { runner: 'cargo' }, using);
    expect(shown(broken)).toEqual({ exit: 101, problem: expect.stringMatching(/^the tests do not build: error: could not compile `shop`/), cases: [] });
  });
});

it('a command that prints TAP tells its cases', async (context) => {
  needs(context, 'node');
  const files = tree(join(folder, 'tap'), { 'a.js': "require('node:test').test('sums', async (t) => {\n  await t.test('adds', () => {});\n  await t.test('breaks', () => { throw new Error('two is not three'); });\n  await t.test('later', { todo: true }, () => {});\n});\n" });
  const done = await run([files], { runner: 'tap', command: 'node --test-reporter=tap a.js' });
  expect(shown(done)).toEqual({ exit: 1, problem: null, cases: ['passed tap > sums > adds', 'failed tap > sums > breaks', 'todo tap > sums > later'] });
  expect(messageOf(done, 'tap > sums > breaks')).toContain('two is not three');
});

describe('a report that is something else', () => {
  it.each([
    ['a pipe that never ends', 'mkfifo /tmp/sallyport-report'],
    ['a folder', 'mkdir /tmp/sallyport-report'],
    ['a link to what is not there', 'ln -s /nowhere /tmp/sallyport-report'],
    ['a device without end', 'ln -s /dev/zero /tmp/sallyport-report'],
  ])('is a problem, not a fault: %s', async (_what, script) => {
    const bin = tree(join(folder, script.replaceAll(/\W/g, '')), { 'node_modules/.bin/jest': `#!/bin/sh\n${script}\n` });
    execFileSync('/bin/chmod', ['755', join(bin, 'node_modules/.bin/jest')]);
    expect(shown(await run([bin], { runner: 'jest' }))).toMatchObject({ exit: 0, problem: expect.stringMatching(/no report|cut short/), cases: [] });
  });
});
