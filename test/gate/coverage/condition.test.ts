import { describe, expect, it } from 'vitest';
import { executedConditions, notExecuted } from '../../../src/gate/coverage/condition.js';
import { readReport } from '../../../src/gate/coverage/report.js';
import { subjectOf, Tally } from '../../../src/gate/coverage/tally.js';
import { judge } from '../../../src/gate/judge.js';
import type { Coverage, FileCoverage, LineRange } from '../../../src/protocol/coverage.js';
import { evidenceOf } from '../evidence.js';

const file = (more: Partial<FileCoverage>): FileCoverage => ({ path: 'src/a.js', changed: 5, executable: 3, executed: 1, unexecuted: [[2, 3]], reason: null, ...more });
const coverage = (files: FileCoverage[], problem: string | null = null, more = 0): Coverage => ({ checks: [{ check: 'test', by: 'v8', reason: null, problem }], files, more });
const NONE = { executed: 0, unexecuted: [[2, 3], [9, 9]] as LineRange[] };
const UNMEASURED = file({ path: 'main.go', executable: null, executed: 0, unexecuted: [], reason: 'coverage is not measured for its language' });

describe('change.executed', () => {
  const condition = (given: Coverage | undefined) => executedConditions({ coverage: given, kind: 'fix' }).map(({ holds, detail }) => [holds, detail]);

  it('holds when one changed line of code was executed, whatever else could not be told', () => {
    expect(condition(coverage([file({}), UNMEASURED], 'lost'))).toEqual([['yes', '1 of 3 changed lines of code was executed by the checks.']]);
  });

  it('is unknown when lines were measured and none was executed, and when what should have been measured cannot be told', () => {
    expect(condition(coverage([file(NONE), UNMEASURED]))).toEqual([['unknown', 'None of 3 changed lines of code was executed, so tests that pass say nothing of the change: src/a.js:2-3, 9.']]);
    expect(condition(coverage([file({ executable: null, executed: 0, unexecuted: [], reason: 'x' })], 'the run left no coverage'))).toEqual([['unknown', 'Whether the changed lines were executed cannot be told: "test": the run left no coverage.']]);
  });

  it('is not there where nothing can be measured, no line can be executed, or evidence is from before', () => {
    expect([coverage([UNMEASURED]), coverage([file({ executable: 0, executed: 0, unexecuted: [] })]), coverage([]), undefined].map(condition)).toEqual([[], [], [], []]);
  });

  it('asks a feature and a refactor for one in each file that was measured, and names those without', () => {
    const given = coverage([file({}), file({ path: 'src/b.js', ...NONE }), file({ path: 'src/c.js', executable: 0, executed: 0, unexecuted: [] }), UNMEASURED]);
    const of = (kind: 'fix' | 'feature' | 'refactor' | 'test', one: Coverage) => executedConditions({ coverage: one, kind }).map(({ holds, detail }) => `${holds}: ${detail}`);
    const silent = 'unknown: In 1 changed file no changed line was executed, so tests that pass say nothing of it: src/b.js:2-3, 9.';
    expect([of('feature', given), of('refactor', given), of('fix', given), of('refactor', coverage([file({}), UNMEASURED])), of('refactor', coverage([UNMEASURED]))]).toEqual([[silent], [silent], ['yes: 1 of 6 changed lines of code was executed by the checks.'], ['yes: 1 of 3 changed lines of code was executed by the checks.'], []]);
  });

  it('leaves a proven fix unverified, and stands beside all other conditions', () => {
    const verdicts = [coverage([file({})]), coverage([file(NONE)]), coverage([UNMEASURED]), coverage([file(NONE)], 'lost')].map((one) => judge(evidenceOf({ coverage: one })).verdict);
    expect(verdicts).toEqual(['passed', 'unverified', 'passed', 'unverified']);
  });
});

it('names in *not checked* how many changed lines were not executed and where, and what is not measured and why', () => {
  expect(notExecuted({ coverage: coverage([file({}), UNMEASURED, { ...UNMEASURED, path: 'b.rs' }], null, 2) })).toEqual([
    '2 of 3 changed lines of code were not executed: src/a.js:2-3',
    'coverage of the changed lines in 4 files (main.go: coverage is not measured for its language)',
  ]);
  const many = Array.from({ length: 400 }, (_, i) => file({ path: `${'x'.repeat(300)}${i}`, unexecuted: Array.from({ length: 50 }, (__, n) => [n * 2 + 1, n * 2 + 1] as LineRange) }));
  expect(notExecuted({ coverage: coverage(many) }).map((line) => line.length <= 1500)).toEqual([true]);
  expect([notExecuted({ coverage: coverage([file({ executed: 3, unexecuted: [] })]) }), notExecuted({ coverage: undefined })]).toEqual([[], ['coverage of the changed lines']]);
});

describe('a report out of the sandbox', () => {
  it('is refused where it is not of the form', () => {
    const one = (more: object) => JSON.stringify({ problem: null, files: [{ path: 'a.js', executable: [[1, 2]], executed: [[1, 1]], ...more }] });
    expect(readReport(one({})).problem).toBe(null);
    const hostile = ['', '{', 'null', '{"problem":null}', one({ executable: [[2, 1]] }), one({ executable: [[1, 3], [2, 4]] }), one({ executable: [[0, 1]] }), one({ executed: [[1.5, 2]] }), one({ more: 1 }), one({ executable: Array.from({ length: 20_001 }, (_, i) => [i * 2 + 1, i * 2 + 1]) }), ' '.repeat(9_000_000)];
    expect(hostile.map((text) => [readReport(text).problem !== null, readReport(text).files])).toEqual(hostile.map(() => [true, []]));
  });

  it('counts only for lines that were asked for, and executed ones only where they can be executed', () => {
    const tally = new Tally(subjectOf(new Map<string, LineRange[]>([['a.js', [[2, 4], [8, 8]]], ['a.test.js', [[1, 9]]], ['notes.md', [[1, 9]]], ['b.py', [[1, 1]]], ['c.js', [[1, 1]]], ['big.js', [[1, 20_001]]]]), 1));
    tally.check({ check: 'test', by: 'v8', reason: null, problem: null });
    tally.take({ problem: null, files: [
      { path: 'a.js', executable: [[1, 3], [5, 9]], executed: [[2, 2], [4, 4], [100, 2_000_000_000]] }, { path: 'other.js', executable: [[1, 1]], executed: [[1, 1]] }, { path: 'c.js', reason: 'the file cannot be parsed' },
      { path: 'big.js', executable: [[1, 20_001]], executed: [[1, 20_001]] },
    ] });
    tally.take({ problem: null, files: [{ path: 'a.js', executable: [[8, 8]], executed: [[8, 8]] }] });
    const unmeasured = { executable: null, executed: 0, unexecuted: [] };
    expect(tally.coverage()).toEqual({
      checks: [{ check: 'test', by: 'v8', reason: null, problem: null }], more: 1,
      files: [
        { path: 'a.js', changed: 4, executable: 3, executed: 2, unexecuted: [[3, 3]], reason: null },
        { path: 'b.py', changed: 1, ...unmeasured, reason: 'no check measures it' },
        { path: 'c.js', changed: 1, ...unmeasured, reason: 'the file cannot be parsed' },
        { path: 'big.js', changed: 20_001, ...unmeasured, reason: 'more than 20000 lines of it changed' },
      ],
    });
  });
});
