import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NODE_TEST } from '../../../src/gate/runners/node-test.js';
import type { RunnerOutput } from '../../../src/gate/runners/runner.js';
import { run } from '../../../src/process/spawn.js';

const folder = mkdtempSync(join(tmpdir(), 'reporter-'));
const reporter = join(folder, 'reporter.mjs');
let trees = 0;

beforeAll(async () => {
  await build({ entryPoints: [join(import.meta.dirname, '../../../src/gate/inside/reporter.ts')], bundle: true, platform: 'node', format: 'esm', target: 'node18', outfile: reporter, logLevel: 'error' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `node --test` with the bundled reporter over a small tree. */
async function reportOf(files: Readonly<Record<string, string>>) {
  const root = join(folder, `tree${trees++}`);
  mkdirSync(join(root, 'test'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  const result = await run([process.execPath, '--test', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout'], { cwd: root, env: { PATH: '/usr/bin:/bin' } });
  const report = NODE_TEST.parse({ report: result.stdout.toString(), truncated: false, exit: result.exit, reason: 'exited' });
  return { problem: report.problem, cases: report.cases.map((c) => `${c.status} ${c.id}`), messages: report.cases.map((c) => c.message) };
}
const HEAD = `import { test, describe, it, before } from 'node:test'; import assert from 'node:assert';\n`;

describe('the reporter, run by the real runner', () => {
  it('names leaf tests by file and nesting, keeps duplicates apart, and drops suites and parents that only echo', async () => {
    const { problem, cases, messages } = await reportOf({
      'a.test.mjs': `${HEAD}test('top', () => {}); test('parent', async (t) => { await t.test('good', () => {}); await t.test('bad', () => assert.equal(1, 2)); });
        describe('suite', () => { it('x', () => {}); it('x', () => {}); it.skip('s'); it.todo('t'); describe('inner', () => { it('deep', () => {}); }); });`,
      'test/b.test.mjs': `${HEAD}test('b > odd', () => {});`,
    });
    expect({ problem, cases }).toEqual({
      problem: null,
      cases: [
        'passed a.test.mjs > top', 'passed a.test.mjs > parent > good', 'failed a.test.mjs > parent > bad', 'passed a.test.mjs > suite > x', 'passed a.test.mjs > suite > x #2',
        'skipped a.test.mjs > suite > s', 'todo a.test.mjs > suite > t', 'passed a.test.mjs > suite > inner > deep', 'passed test/b.test.mjs > b > odd',
      ],
    });
    expect(messages[2]).toMatch(/^Expected values to be strictly equal:\n\n1 !== 2|^1 == 2/);
  });

  it('keeps a file that does not load as a failed case named for the file, with what it said', async () => {
    const { problem, cases, messages } = await reportOf({ 'a.test.mjs': `import './nope.mjs';` });
    expect({ problem, cases }).toEqual({ problem: null, cases: ['failed a.test.mjs'] });
    expect(messages[0]).toContain('ERR_MODULE_NOT_FOUND');
  });

  it('keeps a suite that failed by itself or was skipped as a whole', async () => {
    const { problem, cases } = await reportOf({
      'a.test.mjs': `${HEAD}describe('hook', () => { before(() => { throw new Error('no'); }); it('n', () => {}); }); describe('body', () => { throw new Error('no'); }); describe.skip('off', () => { it('m', () => {}); });`,
    });
    expect(problem).toBe(null);
    expect(cases).toEqual(['failed a.test.mjs > hook > n', 'failed a.test.mjs > hook', 'failed a.test.mjs > body', 'skipped a.test.mjs > off']);
  });

  it('does not drop a failure that pretends to be an echo', async () => {
    const { cases } = await reportOf({ 'a.test.mjs': `${HEAD}test('liar', () => { const e = new Error('x'); e.code = 'ERR_TEST_FAILURE'; e.failureType = 'subtestsFailed'; throw e; });` });
    expect(cases).toEqual(['failed a.test.mjs > liar']);
  });

  it('keeps a file that fails after its only test passed as a failed case', async () => {
    const { problem, cases } = await reportOf({ 'a.test.mjs': `${HEAD}test('fine', () => { setTimeout(() => { throw new Error('late'); }, 5); });` });
    expect({ problem, cases }).toEqual({ problem: null, cases: ['passed a.test.mjs > fine', 'failed a.test.mjs'] });
  });

  it('is believed, with no case, when there is no test', async () => {
    expect(await reportOf({})).toEqual({ problem: null, cases: [], messages: [] });
  });

  it('keeps what tests print out of the report', async () => {
    const forged = JSON.stringify({ case: { file: 'a', names: ['forged'], status: 'passed', ms: 0, cause: null, message: null } });
    const { problem, cases } = await reportOf({ 'a.test.mjs': `${HEAD}console.log(${JSON.stringify(forged)}); test('real', () => { console.log('x'); });` });
    expect({ problem, cases }).toEqual({ problem: null, cases: ['passed a.test.mjs > real'] });
  });
});

describe('reading a report as hostile', () => {
  const one = (more: object = {}) => JSON.stringify({ case: { file: 'a.js', names: ['n'], status: 'passed', ms: 1, cause: null, message: null, ...more } });
  const end = (more: object = {}) => JSON.stringify({ end: { passed: 1, failed: 0, skipped: 0, todo: 0, ...more } });
  const read = (lines: readonly string[], more: Partial<RunnerOutput> = {}) => NODE_TEST.parse({ report: `${lines.join('\n')}\n`, truncated: false, exit: 0, reason: 'exited', ...more }).problem;

  it('believes a report that agrees with itself and the exit code', () => {
    expect(read([one(), end()])).toBe(null);
  });

  it.each<[string, string[], Partial<RunnerOutput>, RegExp]>([
    ['nothing at all', [], {}, /no end/],
    ['no end', [one()], {}, /no end/],
    ['a stray line', ['hello', one(), end()], {}, /not the reporter's/],
    ['an unknown key', [one({ extra: 1 }), end()], {}, /not the reporter's/],
    ['a negative time', [one({ ms: -1 }), end()], {}, /not the reporter's/],
    ['a very long line', [one({ message: 'x'.repeat(70_000) }), end()], {}, /not the reporter's/],
    ['lines after the end', [one(), end(), one()], {}, /goes on after/],
    ['a second end', [one(), end(), end()], {}, /goes on after/],
    ['more counted than named', [one(), end({ passed: 2 })], {}, /counts 2 passed, and names 1/],
    ['more named than counted', [one(), one(), end()], {}, /counts 1 passed, and names 2/],
    ['exit 0 with a failure', [one({ status: 'failed' }), end({ passed: 0, failed: 1 })], {}, /exit code 0 with 1 failed/],
    ['exit 1 without one', [one(), end()], { exit: 1 }, /exit code 1 with nothing failed/],
    ['another exit code', [one(), end()], { exit: 7 }, /exit code 7/],
    ['no exit code', [one(), end()], { exit: null }, /exit code null/],
    ['a time-out', [one(), end()], { reason: 'timeout' }, /did not end by itself: timeout/],
    ['output that was cut', [one(), end()], { truncated: true }, /cut short/],
    ['too many cases', Array.from({ length: 20_001 }, () => one()), {}, /more than 20000/],
  ])('has a problem with %s', (_what, lines, more, message) => {
    expect(read(lines, more)).toMatch(message);
  });

  it('keeps ids apart even when a name looks like the suffix of another', () => {
    const stdout = [one(), one({ names: ['n #2'] }), one(), end({ passed: 3 })].join('\n');
    expect(NODE_TEST.parse({ report: stdout, truncated: false, exit: 0, reason: 'exited' }).cases.map((c) => c.id)).toEqual(['a.js > n', 'a.js > n #2', 'a.js > n #3']);
  });
});
