import { describe, expect, it } from 'vitest';
import { type Candidate, choose, readCandidates } from '../../../src/gate/mutants/choose.js';
import { mutantsCondition } from '../../../src/gate/mutants/condition.js';
import { narrowed, outcomeOf, proversOf } from '../../../src/gate/mutants/provers.js';
import { judge } from '../../../src/gate/judge.js';
import type { Mutant, Operator } from '../../../src/protocol/mutants.js';
import { evidenceOf, nodeRun } from '../evidence.js';

const candidate = (line: number, operator: Operator, start = line * 10): Candidate => ({ path: 'a.js', line, operator, start, end: start + 1, text: 'x' });

describe('the faults that are tried', () => {
  it('are removed guards first, then spread over the lines; the same whatever order they come in', () => {
    const all = [...Array.from({ length: 12 }, (_, i) => candidate(i + 1, 'removed-guard', i * 100 + 9)), ...Array.from({ length: 30 }, (_, i) => [candidate(i + 1, 'comparison', i * 100), candidate(i + 1, 'logic', i * 100 + 5)]).flat()];
    const chosen = choose(all, 9);
    expect(chosen.map((one) => `${one.line} ${one.operator}`)).toEqual(['1 removed-guard', '5 removed-guard', '9 removed-guard', '1 comparison', '6 logic', '11 comparison', '16 logic', '21 comparison', '26 logic']);
    expect(choose(all.toReversed(), 9)).toEqual(chosen);
    expect([choose([], 9), choose([all[0] as Candidate, all[0] as Candidate], 9)]).toEqual([[], [all[0]]]);
    expect(choose(all.slice(12, 16), 9)).toHaveLength(4);
  });

  it('are refused where they are not of the form', () => {
    const good = candidate(1, 'logic');
    expect(readCandidates(JSON.stringify({ candidates: [good] }))).toEqual([good]);
    expect([{ ...good, operator: 'rm' }, { ...good, start: -1 }, { ...good, text: 'x'.repeat(20_001) }, { ...good, more: 1 }, null].map((one) => readCandidates(JSON.stringify({ candidates: [one] })))).toEqual(Array(5).fill(null));
    expect(['', '[]', '{}'].map(readCandidates)).toEqual([null, null, null]);
  });
});

describe('the cases that have to notice', () => {
  const T = 'a.test.js';
  it('are the new ones of files that the change touched; where none is new, all of these files; flaky ones never', () => {
    const base = [nodeRun([`passed ${T} > old`, 'passed b.test.js > other'])];
    const head = [nodeRun([`passed ${T} > old`, `passed ${T} > new`, `failed ${T} > red`, 'passed b.test.js > other'])];
    expect(proversOf('unit', { base, head, red: [] }, [T])).toEqual({ cases: [`${T} > new`], files: [T] });
    expect(proversOf('unit', { base: head, head, red: [] }, [T])).toEqual({ cases: [`${T} > old`, `${T} > new`], files: [T] });
    expect(proversOf('unit', { base, head, red: [], again: [{ side: 'head', covered: true, run: nodeRun([`passed ${T} > old`, `failed ${T} > new`, `failed ${T} > red`, 'passed b.test.js > other']) }] }, [T])).toEqual({ cases: [`${T} > old`], files: [T] });
    expect([proversOf('unit', { base, head, red: [] }, []), proversOf('unit', { base, head: [nodeRun([`passed ${T} > new`], { problem: 'cut' })], red: [] }, [T])]).toEqual([null, null]);
  });

  it('run alone where the arguments say which of them are files', () => {
    const check = (...args: string[]) => ({ runner: 'node-test' as const, args, timeout: 60 });
    expect(narrowed(check(), [T])?.args).toEqual([T]);
    expect(narrowed(check('--import=tsx', 'test/**/*.js'), [T])?.args).toEqual(['--import=tsx', T]);
    expect([narrowed(check('--import', 'tsx'), [T]), narrowed(check(), ['--eval.test.js']), narrowed(check(), ['a b.test.js']), narrowed({ ...check(), runner: 'go' }, [T])]).toEqual([null, null, null, null]);
  });

  it('notice by failing themselves; a file that does not load or a run that is not believed says nothing', () => {
    const of = (cases: readonly string[], more = {}) => outcomeOf(nodeRun(cases, more), [`${T} > new`]);
    expect(of([], { reason: 'timeout', exit: null })).toEqual({ outcome: 'stopped', by: null });
    expect(of([`passed ${T} > new`, `failed ${T} > old`])).toEqual({ outcome: 'survived', by: null });
    expect([of([`failed ${T}`]), of([]), of([`failed ${T} > new`], { problem: 'cut' }), of([], { reason: 'oom', exit: null }), of([`skipped ${T} > new`]), outcomeOf(null, [])]).toEqual(Array(6).fill({ outcome: 'unclear', by: null }));
  });
});

describe('a case that fails with a fault in the code', () => {
  const T = 'a.test.js > new';
  const by = (message: string | null) => {
    const run = nodeRun([`failed ${T}`]);
    return outcomeOf({ ...run, cases: (run.cases ?? []).map((one) => ({ ...one, message })) }, [T]).outcome;
  };

  it('notices it by an assertion of its own; where the code itself throws, every test fails', () => {
    const asserted = ['1 !== 2\n    at TestContext.<anonymous> (file:///workspace/a.test.js:3:5)\n    at b (/workspace/a.js:1:1)', 'Error: expected\n    at Object.toBe (/workspace/node_modules/expect/build/index.js:12:1)\n    at Object.<anonymous> (/workspace/test/sum.js:4:20)', 'Traceback\n  File "/workspace/test_a.py", line 9, in test_x\n    self.assertEqual(f(), 1)\n  File "/usr/lib/python3.11/unittest/case.py", line 873, in assertEqual\nAssertionError', '    def test_x():\n>       assert f() == 1\nE       assert None == 1\n\ntests/test_a.py:5: AssertionError'];
    const thrown = ['no\n    at total (file:///workspace/cart.js:3:5)\n    at a (file:///workspace/a.test.js:1:1)', 'Traceback\n  File "/workspace/test_a.py", line 9, in test_x\n  File "/workspace/cart.py", line 3, in f\nTypeError', 'test_a.py:4: \n_ _\ncart.py:7: TypeError', '', null];
    expect([asserted.map(by), thrown.map(by)]).toEqual([asserted.map(() => 'killed'), thrown.map(() => 'stopped')]);
    expect([by('a/'.repeat(2000)), by('.'.repeat(4000)), by('File "'.repeat(600))]).toEqual(['stopped', 'stopped', 'stopped']);
  });
});

describe('mutants.killed', () => {
  const mutant = (outcome: Mutant['outcome']): Mutant => ({ check: 'unit', path: 'a.js', line: 3, operator: 'removed-guard', before: 'if (x) throw 1;', after: ';', outcome, by: null });
  const condition = (reason: string | null, ...outcomes: Mutant['outcome'][]) => {
    const { holds, detail } = mutantsCondition({ mutants: { reason, left: 0, tried: outcomes.map(mutant) } });
    return [holds, detail];
  };

  it('holds when one was noticed, does not when none was, and is unknown when none told anything', () => {
    expect(condition(null, 'killed', 'survived', 'unclear', 'stopped')).toEqual(['yes', 'The new tests notice 1 of 2 faults put into the code that they execute (2 more stopped the code or told nothing). Not noticed: a.js:3 removed guard: if (x) throw 1; → (nothing).']);
    expect(condition(null, 'survived', 'stopped')[0]).toBe('no');
    expect([condition(null, 'unclear', 'stopped'), condition('Nothing is covered.')]).toEqual([['unknown', '2 faults put into the covered code: each stopped it or told nothing, so what the new tests assert is not known.'], ['unknown', 'Nothing is covered.']]);
    expect(mutantsCondition({}).holds).toBe('unknown');
  });

  it('decides a change that adds tests', () => {
    const checks = { base: [nodeRun(['passed t.test.js > b'])], head: [nodeRun(['passed t.test.js > b', 'passed t.test.js > c'])], red: [] };
    const verdict = (mutants: object) => judge(evidenceOf({ kind: 'test', checks, files: [{ path: 't.test.js', status: 'modified', mode: '100644' }], ...mutants })).verdict;
    const tried = (outcome: Mutant['outcome']) => ({ mutants: { reason: null, left: 0, tried: [mutant(outcome)] } });
    expect([verdict(tried('killed')), verdict(tried('survived')), verdict(tried('stopped')), verdict(tried('unclear')), verdict({})]).toEqual(['passed', 'failed', 'unverified', 'unverified', 'unverified']);
  });
});
