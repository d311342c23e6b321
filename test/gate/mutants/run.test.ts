import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { collectChecks, type Collector } from '../../../src/gate/collect.js';
import { tryMutants } from '../../../src/gate/mutants/run.js';
import { CheckSpec } from '../../../src/protocol/environment.js';
import type { Mutants } from '../../../src/protocol/mutants.js';
import { MemoryJournal } from '../../support/journal.js';
import { NO_SERVICES, remove, scratch, testDriver, tree } from '../../support/sandbox.js';

let folder: string;
let collector: Collector;
beforeAll(() => {
  folder = scratch();
  collector = { driver: testDriver(folder), limits: { memory: 1024, pids: 256, cpus: 2 }, variables: {}, services: NO_SERVICES, journal: new MemoryJournal(), signal: new AbortController().signal };
});
afterAll(() => remove(folder));

const CODE = 'LIMIT = 3\n\n\ndef pick(items, n):\n    if n < 0:\n        raise ValueError("no")\n    return items[n]\n';

async function tried(name: string, files: Readonly<Record<string, string>>, tests: readonly string[], check: object): Promise<Mutants> {
  const at = tree(join(folder, name), files);
  const head = { lowers: [at] };
  const checks = { test: CheckSpec.parse(check) };
  const runs = await collectChecks(collector, { round: 1, side: 'head', ...head }, checks);
  return await tryMutants(collector, { round: 1, checks, runs: { base: [], head: runs, red: [] }, head, tests, product: ['pick.py'], read: async (path) => readFileSync(join(at, path), 'utf8') });
}

it('puts faults into Python that new cases of unittest execute, and says which of these they notice by what they assert', async () => {
  const test = 'import unittest\nfrom pick import pick\n\n\nclass Pick(unittest.TestCase):\n    def test_picks(self):\n        self.assertEqual(pick([5, 6], 0), 5)\n\n    def test_refuses(self):\n        with self.assertRaises(ValueError):\n            pick([5, 6], -1)\n';
  const mutants = await tried('asserting', { 'pick.py': CODE, 'tests/__init__.py': '', 'tests/test_pick.py': test }, ['tests/test_pick.py'], { runner: 'unittest', args: ['discover'] });
  expect(mutants.tried.map((one) => `${one.outcome} ${one.line} ${one.operator} ${one.after} ${one.by ?? ''}`.trim())).toEqual([
    'killed 5 removed-guard pass tests/test_pick.py > Pick > test_refuses',
    'stopped 5 comparison ((n) <= (0)) tests/test_pick.py > Pick > test_picks',
    'killed 7 return-value None tests/test_pick.py > Pick > test_picks',
    'killed 5 negated-condition (not (n < 0)) tests/test_pick.py > Pick > test_refuses',
    'stopped 5 off-by-one 1 tests/test_pick.py > Pick > test_picks',
  ]);
  expect({ reason: mutants.reason, left: mutants.left }).toEqual({ reason: null, left: 0 });
});

it('says why where there is nothing to try', async () => {
  const test = 'import unittest\n\n\nclass Pick(unittest.TestCase):\n    def test_nothing(self):\n        self.assertTrue(True)\n';
  const files = { 'pick.py': CODE, 'test_pick.py': test };
  expect(await tried('idle', files, ['test_pick.py'], { runner: 'unittest' })).toEqual({ reason: 'No fault was put into the code: what the new tests execute is not known, or nothing (no line of code outside of tests was executed).', left: 0, tried: [] });
  const nothing = 'No case in a test file that the change added or edited passes, so there is nothing that could notice a fault.';
  expect([await tried('none', files, [], { runner: 'unittest' }), await tried('command', files, ['test_pick.py'], { runner: 'command', command: 'python3 -m unittest' })]).toEqual([{ reason: nothing, left: 0, tried: [] }, { reason: nothing, left: 0, tried: [] }]);
});
