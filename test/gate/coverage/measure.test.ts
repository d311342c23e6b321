import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Collector } from '../../../src/gate/collect.js';
import { lookFurther } from '../../../src/gate/further.js';
import { collectChecks } from '../../../src/gate/collect.js';
import { executedConditions } from '../../../src/gate/coverage/condition.js';
import type { Coverage, LineRange } from '../../../src/protocol/coverage.js';
import { CheckSpec } from '../../../src/protocol/environment.js';
import { MemoryJournal } from '../../support/journal.js';
import { NO_SERVICES, remove, scratch, testDriver, tree } from '../../support/sandbox.js';

let folder: string;
let collector: Collector;
let trees = 0;

beforeAll(() => {
  folder = scratch();
  collector = { driver: testDriver(folder), limits: { memory: 1024, pids: 256, cpus: 2 }, variables: {}, services: NO_SERVICES, journal: new MemoryJournal(), signal: new AbortController().signal };
});
afterAll(() => remove(folder));

/** The head with these files, measured for these lines as a run would; the base is the same, for it is not asked. */
async function measured(files: Readonly<Record<string, string>>, lines: Readonly<Record<string, readonly LineRange[]>>, check: object): Promise<Coverage> {
  const lowers = [tree(join(folder, `tree-${trees++}`), files)];
  const checks = { test: CheckSpec.parse(check) };
  const head = await collectChecks(collector, { round: 1, side: 'head', lowers }, checks);
  expect(head.map((run) => [run.problem, run.exit])).toEqual([[null, 0]]);
  const { coverage, again } = await lookFurther(collector, { round: 1, checks, lines: new Map(Object.entries(lines)), more: 0, runs: { base: head, head, red: [] }, sides: { base: { lowers }, head: { lowers }, red: null } });
  expect(again.map(({ side, covered, run }) => [side, covered, run.problem, run.exit])).toEqual([['head', true, null, 0]]);
  return coverage;
}
const holds = (coverage: Coverage) => executedConditions({ coverage, kind: 'fix' }).map((one) => one.holds);

const CART = [
  "import { rate } from './rate.mjs';",
  'export function total(items) {',
  '  if (items.length > 100) {',
  "    throw new Error('too many');",
  '  }',
  '  return items.reduce((sum, one) => sum + one.price, 0) * rate();',
  '}',
  'export const never = (text) => text.trim();',
  '',
].join('\n');
const RATE = 'export function rate() {\n  return 1;\n}\n';
const CASE = "import { test } from 'node:test';\nimport assert from 'node:assert';\nimport { total } from './cart.mjs';\ntest('adds up', () => assert.equal(total([{ price: 2 }, { price: 3 }]), 5));\n";

describe('JavaScript by V8', () => {
  it('says which changed lines a run of node:test executed, in files that were loaded and in one that was not', async () => {
    const files = { 'cart.mjs': CART, 'rate.mjs': RATE, 'idle.js': 'module.exports = 1;\n', 'cart.test.mjs': CASE };
    const coverage = await measured(files, { 'cart.mjs': [[1, 9]], 'rate.mjs': [[1, 3]], 'idle.js': [[1, 1]], 'tool.go': [[1, 2]] }, { runner: 'node-test' });
    expect(coverage).toEqual({
      checks: [{ check: 'test', by: 'v8', reason: null, problem: null }], more: 0,
      files: [
        { path: 'cart.mjs', changed: 9, executable: 4, executed: 2, unexecuted: [[4, 4], [8, 8]], reason: null },
        { path: 'rate.mjs', changed: 3, executable: 1, executed: 1, unexecuted: [], reason: null },
        { path: 'idle.js', changed: 1, executable: 1, executed: 0, unexecuted: [[1, 1]], reason: null },
        { path: 'tool.go', changed: 2, executable: null, executed: 0, unexecuted: [], reason: 'coverage is not measured for its language' },
      ],
    });
  });

  it('says so where no changed line was executed', async () => {
    const coverage = await measured({ 'cart.mjs': CART, 'rate.mjs': RATE, 'cart.test.mjs': CASE }, { 'cart.mjs': [[8, 8]] }, { runner: 'command', command: 'node cart.test.mjs' });
    expect([holds(coverage), coverage.files]).toEqual([['unknown'], [{ path: 'cart.mjs', changed: 1, executable: 1, executed: 0, unexecuted: [[8, 8]], reason: null }]]);
  });

  it('claims nothing of a file that a command may have run in another form', async () => {
    const coverage = await measured({ 'cart.mjs': CART, 'idle.mjs': 'export default 1;\n', 'rate.mjs': RATE, 'cart.test.mjs': CASE }, { 'idle.mjs': [[1, 1]] }, { runner: 'command', command: 'cd . && node cart.test.mjs' });
    expect([holds(coverage), coverage.files[0]?.reason]).toEqual([[], 'the file was not loaded as it stands, and may have run in another form']);
  });
});

const PY = 'import os\n\n\ndef total(items):\n    """Adds up."""\n    if len(items) > 100:\n        raise ValueError("too many")\n    return sum(\n        one\n        for one in items\n    )\n\n\nnever = lambda text: text.strip()\n';

describe('Python by a trace', () => {
  it('says which changed lines a run of unittest executed, in the process of the tests and in one that they start', async () => {
    const test = 'import subprocess, sys, unittest\nfrom cart import total\n\n\nclass Cart(unittest.TestCase):\n    def test_adds(self):\n        self.assertEqual(total([2, 3]), 5)\n        subprocess.check_call([sys.executable, "tool.py"])\n';
    const coverage = await measured({ 'cart.py': PY, 'tool.py': 'print("here")\n', 'test_cart.py': test }, { 'cart.py': [[1, 14]], 'tool.py': [[1, 1]] }, { runner: 'unittest' });
    expect(coverage).toEqual({
      checks: [{ check: 'test', by: 'trace', reason: null, problem: null }], more: 0,
      files: [
        { path: 'cart.py', changed: 14, executable: 6, executed: 4, unexecuted: [[7, 7], [14, 14]], reason: null },
        { path: 'tool.py', changed: 1, executable: 1, executed: 1, unexecuted: [], reason: null },
      ],
    });
  });
});
