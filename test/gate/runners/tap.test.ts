import { describe, expect, it } from 'vitest';
import { TAP } from '../../../src/gate/runners/tap.js';
import type { RunnerOutput } from '../../../src/gate/runners/runner.js';

const read = (report: string, more: Partial<RunnerOutput> = {}) => TAP.parse({ report, truncated: false, exit: 0, reason: 'exited', ...more });
const shown = (report: string, exit = 0) => {
  const { cases, problem } = read(report, { exit });
  return { problem, cases: cases.map((c) => `${c.status} ${c.id}`) };
};

describe('a report in TAP', () => {
  it('gives cases by name, with skips, what is to do, and what says more', () => {
    const report = 'TAP version 13\n# a comment\nok 1 - adds\nprinted by a test\nnot ok 2 - breaks\n  ---\n  message: two is not three\n  1..9\n  ...\nok 3 - slow # SKIP not today\nnot ok 4 - later # TODO write it\nok 5 # skip\nok 6 - costs \\# 5 # time=12ms\nok\n1..7\n';
    expect(shown(report, 1)).toEqual({ problem: null, cases: ['passed tap > adds', 'failed tap > breaks', 'skipped tap > slow', 'todo tap > later', 'skipped tap > test 5', 'passed tap > costs # 5', 'passed tap > test 7'] });
    expect(read(report, { exit: 1 }).cases[1]?.message).toBe('message: two is not three\n1..9\n');
  });

  it('gives the cases inside of others, in both forms, and not what holds them', () => {
    const nested = 'TAP version 14\n1..2\n# Subtest: sums\n    ok 1 - adds\n    # Subtest: deeper\n        not ok 1 - breaks\n        1..1\n    not ok 2 - deeper\n    1..2\nnot ok 1 - sums\n  ---\n  at: 1\n  ...\nok 2 - braces {\n    ok 1 - inner\n    1..1\n}\n';
    expect(shown(nested, 1)).toEqual({ problem: null, cases: ['passed tap > sums > adds', 'failed tap > sums > deeper > breaks', 'passed tap > braces > inner'] });
    expect(shown('1..2\n    ok 1 - a\n    1..1\nnot ok 1 - teardown\n    not ok 1 - b\n    1..1\nnot ok 2 - later # TODO\n', 1)).toEqual({ problem: null, cases: ['passed tap > teardown > a', 'failed tap > teardown', 'todo tap > later > b'] });
  });

  it('is none where everything is skipped, or there is nothing', () => {
    expect(shown('1..0 # SKIP no database\n')).toEqual({ problem: null, cases: [] });
  });

  it.each<[string, string, Partial<RunnerOutput>, RegExp]>([
    ['no plan', 'ok 1 - a\n', {}, /has no plan/],
    ['nothing at all', '', {}, /has no plan/],
    ['fewer tests than planned', '1..3\nok 1 - a\n', {}, /the plan is 3 tests, and 1 are told/],
    ['more tests than planned', '1..1\nok 1 - a\nok 2 - b\n', {}, /the plan is 1 test, and 2 are told/],
    ['two plans', '1..1\nok 1 - a\n1..1\n', {}, /two plans/],
    ['a test that is told twice', '1..2\nok 1 - a\nok 1 - b\n', {}, /numbers of the tests/],
    ['a number outside of the plan', '1..1\nok 7 - a\n', {}, /numbers of the tests/],
    ['tests that bail out', 'ok 1 - a\nBail out! no database\n1..1\n', {}, /bailed out: no database/],
    ['inner tests that bail out', '    Bail out! no database\n1..0\n', {}, /bailed out: no database/],
    ['another version', 'TAP version 15\n1..1\nok 1 - a\n', {}, /TAP version 15/],
    ['an inner plan that is missing', '1..1\n    ok 1 - a\nok 1 - b\n', {}, /has no plan/],
    ['inner tests whose own is not told', '1..1\nok 1 - b\n    ok 1 - a\n    1..1\n', {}, /that one is not/],
    ['braces that stay open', '1..1\nok 1 - b {\n    ok 1 - a\n    1..1\n', {}, /that one is not/],
    ['an inner failure under exit 0', '1..1\n    not ok 1 - a\n    1..1\nok 1 - b\n', {}, /exit code 0 with 1 failed/],
    ['exit 1 without a failure', '1..1\nok 1 - a\n', { exit: 1 }, /exit code 1 with nothing failed/],
    ['a time-out', '1..1\nok 1 - a\n', { exit: null, reason: 'timeout' }, /did not end by itself/],
    ['output that was cut', '1..1\nok 1 - a\n', { truncated: true }, /cut short/],
    ['too many cases', `1..20001\n${'ok\n'.repeat(20_001)}`, {}, /more than 20000/],
  ])('has a problem with %s', (_what, report, more, problem) => {
    expect(read(report, more).problem).toMatch(problem);
  });
});
