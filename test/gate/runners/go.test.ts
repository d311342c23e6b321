import { describe, expect, it } from 'vitest';
import { GO } from '../../../src/gate/runners/go.js';
import type { RunnerOutput } from '../../../src/gate/runners/runner.js';

const shown = ({ cases, problem }: ReturnType<typeof GO.parse>) => ({ problem, cases: cases.map((c) => `${c.status} ${c.id}`) });

/** What Go 1.19.8 wrote: packages run side by side, one panics, one does not build, one has no tests (outputs cut). */
const REPORT = `{"Time":"2026-11-21T02:54:48.159863018Z","Action":"run","Package":"example.com/m/pan","Test":"TestA"}
{"Time":"2026-11-21T02:54:48.159974313Z","Action":"pass","Package":"example.com/m/pan","Test":"TestA","Elapsed":0}
{"Time":"2026-11-21T02:54:48.159978248Z","Action":"run","Package":"example.com/m/pan","Test":"TestP"}
{"Time":"2026-11-21T02:54:48.161094768Z","Action":"output","Package":"example.com/m/pan","Test":"TestP","Output":"panic: x [recovered]\\n"}
{"Time":"2026-11-21T02:54:48.161512137Z","Action":"run","Package":"example.com/m","Test":"TestFail"}
{"Time":"2026-11-21T02:54:48.161541621Z","Action":"output","Package":"example.com/m","Test":"TestFail","Output":"    a_test.go:4: no\\n"}
{"Time":"2026-11-21T02:54:48.16162227Z","Action":"fail","Package":"example.com/m","Test":"TestFail","Elapsed":0.5}
{"Time":"2026-11-21T02:54:48.161637823Z","Action":"skip","Package":"example.com/m","Test":"TestSkip","Elapsed":0}
{"Time":"2026-11-21T02:54:48.161648629Z","Action":"run","Package":"example.com/m","Test":"TestSub"}
{"Time":"2026-11-21T02:54:48.161718072Z","Action":"pass","Package":"example.com/m","Test":"TestSub/good_one","Elapsed":0}
{"Time":"2026-11-21T02:54:48.161722789Z","Action":"fail","Package":"example.com/m","Test":"TestSub/bad","Elapsed":0}
{"Time":"2026-11-21T02:54:48.161725012Z","Action":"fail","Package":"example.com/m","Test":"TestSub","Elapsed":0}
{"Time":"2026-11-21T02:54:48.161728227Z","Action":"output","Package":"example.com/m","Output":"FAIL\\n"}
{"Time":"2026-11-21T02:54:48.16194211Z","Action":"fail","Package":"example.com/m","Elapsed":0.004}
{"Time":"2026-11-21T02:54:48.162018227Z","Action":"fail","Package":"example.com/m/pan","Test":"TestP","Elapsed":0}
{"Time":"2026-11-21T02:54:48.162030105Z","Action":"fail","Package":"example.com/m/pan","Elapsed":0.007}
{"Time":"2026-11-21T02:54:48.167515732Z","Action":"output","Package":"example.com/m/none","Output":"?   \\texample.com/m/none\\t[no test files]\\n"}
{"Time":"2026-11-21T02:54:48.167527259Z","Action":"skip","Package":"example.com/m/none","Elapsed":0}
FAIL\texample.com/m/sub [build failed]
`;

describe('a report of go test', () => {
  it('gives its cases by package and name, and a package that does not build', () => {
    const report = GO.parse({ report: REPORT, truncated: false, exit: 2, reason: 'exited' });
    expect(shown(report)).toEqual({
      problem: null,
      cases: [
        'passed example.com/m/pan > TestA', 'failed example.com/m/pan > TestP', 'failed example.com/m > TestFail', 'skipped example.com/m > TestSkip',
        'passed example.com/m > TestSub > good_one', 'failed example.com/m > TestSub > bad', 'failed example.com/m/sub',
      ],
    });
    expect(report.cases[2]).toEqual({ id: 'example.com/m > TestFail', file: null, status: 'failed', ms: 500, message: '    a_test.go:4: no\n' });
  });

  const line = (action: string, more: object = {}) => JSON.stringify({ Action: action, Package: 'm', ...more });
  const read = (lines: readonly string[], more: Partial<RunnerOutput> = {}) => GO.parse({ report: lines.join('\n'), truncated: false, exit: 0, reason: 'exited', ...more });
  const pass = [line('pass', { Test: 'T' }), line('pass')];

  it.each<[string, string[], number, string[]]>([
    ['a build that fails, as Go 1.24 tells it', ['{"ImportPath":"m","Action":"build-output","Output":"x.go:1: no\\n"}', '{"ImportPath":"m","Action":"build-fail"}', line('start'), line('output', { Output: 'FAIL m [build failed]\n' }), line('fail', { FailedBuild: 'm' })], 1, ['failed m']],
    ['a package that fails outside of its tests', [line('pass', { Test: 'T' }), line('fail')], 1, ['passed m > T', 'failed m']],
    ['a test that the end of its process cut off', [line('run', { Test: 'T' }), line('fail')], 1, ['failed m > T']],
    ['a test that runs twice and fails once', [line('fail', { Test: 'T' }), line('pass', { Test: 'T' }), line('fail')], 1, ['failed m > T']],
    ['no package at all', [], 0, []],
  ])('tells %s', (_what, lines, exit, cases) => {
    expect(shown(read(lines, { exit }))).toEqual({ problem: null, cases });
  });

  it.each<[string, string[], Partial<RunnerOutput>, RegExp]>([
    ['a stray line', ['hello', ...pass], {}, /not the runner's/],
    ['a plain line that is almost its', [...pass, 'FAIL\tm/sub [forgotten]'], {}, /not the runner's/],
    ['an unknown action', [line('win', { Test: 'T' }), ...pass], {}, /not the runner's/],
    ['a very long line', [line('output', { Output: 'x'.repeat(300_000) }), ...pass], {}, /not the runner's/],
    ['no package', ['{"Action":"pass","Test":"T"}'], {}, /tells of no package/],
    ['a package that never ends', [line('pass', { Test: 'T' })], {}, /how m ended/],
    ['a package that ends twice', [...pass, line('fail')], {}, /ends twice/],
    ['a failure in a package that passed', [line('fail', { Test: 'T' }), line('pass')], {}, /ended well with tests that did not/],
    ['an open test in a package that passed', [line('run', { Test: 'T' }), line('pass')], {}, /ended well with tests that did not/],
    ['exit 0 with a failure', [line('fail', { Test: 'T' }), line('fail')], {}, /exit code 0 with 1 failed/],
    ['exit 1 without one', pass, { exit: 1 }, /exit code 1 with nothing failed/],
    ['another exit code', pass, { exit: 127 }, /exit code 127/],
    ['a time-out', pass, { exit: null, reason: 'timeout' }, /did not end by itself/],
    ['output that was cut', pass, { truncated: true }, /cut short/],
    ['too many cases', Array.from({ length: 20_001 }, (_, i) => line('pass', { Test: `T${i}` })), {}, /more than 20000/],
  ])('has a problem with %s', (_what, lines, more, problem) => {
    expect(read(lines, more).problem).toMatch(problem);
  });
});
