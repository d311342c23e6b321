import { describe, expect, it } from 'vitest';
import { JEST } from '../../../src/gate/runners/jest.js';
import type { RunnerOutput } from '../../../src/gate/runners/runner.js';

const ended = { truncated: false, exit: 1, reason: 'exited' } as const;
const shown = ({ cases, problem }: ReturnType<typeof JEST.parse>) => ({ problem, cases: cases.map((c) => `${c.status} ${c.id}`) });

/** What jest 30.5.2 wrote (stacks cut), with a file that fails after its tests and one that does not load. */
const JEST_REPORT = '{"numFailedTestSuites":3,"numFailedTests":1,"numPassedTestSuites":0,"numPassedTests":2,"numPendingTestSuites":0,"numPendingTests":1,"numRuntimeErrorTestSuites":2,"numTodoTests":1,"numTotalTestSuites":3,"numTotalTests":5,"openHandles":[],"snapshot":{"added":0,"didUpdate":false,"uncheckedKeysByFile":[]},"startTime":1795229630618,"success":false,"testResults":[{"assertionResults":[{"ancestorTitles":[],"duration":2,"failing":false,"failureDetails":[],"failureMessages":[],"fullName":"passes","invocations":1,"location":null,"numPassingAsserts":0,"retryMessages":[],"retryReasons":[],"status":"passed","title":"passes","startAt":1795229631202},{"ancestorTitles":["suite"],"duration":4,"failing":false,"failureDetails":[{"matcherResult":{"actual":1,"expected":2,"name":"toBe","pass":false}}],"failureMessages":["Error: \\u001b[2mexpect(\\u001b[22mreceived).toBe(expected)\\n\\nExpected: 2\\nReceived: 1"],"fullName":"suite fails","location":null,"status":"failed","title":"fails"},{"ancestorTitles":["suite"],"duration":null,"failureMessages":[],"fullName":"suite skipped","status":"pending","title":"skipped"},{"ancestorTitles":["suite"],"duration":null,"failureMessages":[],"fullName":"suite later","status":"todo","title":"later"}],"endTime":1795229631281,"message":"","name":"/workspace/a.test.js","startTime":1795229630801,"status":"failed","summary":""},{"assertionResults":[{"ancestorTitles":[],"duration":4,"failureMessages":[],"fullName":"x","status":"passed","title":"x"}],"coverage":{},"endTime":1795229631608,"message":"\\n\\n  ● Test suite failed to run\\n\\n    late","name":"/workspace/after.test.js","startTime":1795229631608,"status":"failed","summary":""},{"assertionResults":[],"coverage":{},"endTime":1795229631608,"message":"  ● Test suite failed to run\\n\\n    Cannot find module \'./nope.js\' from \'bad.test.js\'","name":"/workspace/bad.test.js","startTime":1795229631608,"status":"failed","summary":""}],"wasInterrupted":false}';

describe('a real report', () => {
  it('of jest gives its cases, without the colours', () => {
    const report = JEST.parse({ report: JEST_REPORT, ...ended });
    expect(shown(report)).toEqual({
      problem: null,
      cases: ['passed a.test.js > passes', 'failed a.test.js > suite > fails', 'skipped a.test.js > suite > skipped', 'todo a.test.js > suite > later', 'passed after.test.js > x', 'failed after.test.js', 'failed bad.test.js'],
    });
    expect(report.cases[1]?.message).toBe('Error: expect(received).toBe(expected)\n\nExpected: 2\nReceived: 1');
  });

  it('of no tests is believed', () => {
    expect(JEST.parse({ report: '{"numFailedTests":0,"numPassedTests":0,"numPendingTests":0,"numTodoTests":0,"numTotalTests":0,"success":true,"testResults":[]}', ...ended, exit: 0 })).toEqual({ cases: [], problem: null });
  });
});

describe('a report read as hostile', () => {
  const test = (more: object = {}) => ({ ancestorTitles: [], title: 'n', status: 'passed', duration: 1, failureMessages: [], ...more });
  const file = (more: object = {}) => ({ name: '/workspace/a.js', status: 'passed', message: '', assertionResults: [test()], ...more });
  const report = (more: object = {}) => JSON.stringify({ numPassedTests: 1, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, numTotalTests: 1, success: true, testResults: [file()], ...more });
  const read = (text: string | null, more: Partial<RunnerOutput> = {}) => JEST.parse({ report: text, truncated: false, exit: 0, reason: 'exited', ...more });

  it('is believed when it agrees with itself and the exit code', () => {
    expect(read(report())).toEqual({ cases: [{ id: 'a.js > n', file: 'a.js', status: 'passed', ms: 1, message: null }], problem: null });
  });

  it.each<[string, string | null, Partial<RunnerOutput>, RegExp]>([
    ['none', null, {}, /no report; exit code 0/],
    ['an empty one', '', {}, /not of the runner's form/],
    ['half of one', report().slice(0, 80), {}, /not of the runner's form/],
    ['another form', '[]', {}, /not of the runner's form/],
    ['an unknown status', report({ testResults: [file({ assertionResults: [test({ status: 'fine' })] })] }), {}, /not of the runner's form/],
    ['a title that is no text', report({ testResults: [file({ assertionResults: [test({ title: {} })] })] }), {}, /not of the runner's form/],
    ['a depth without end', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`, {}, /not of the runner's form/],
    ['more counted than named', report({ numPassedTests: 2 }), {}, /counts 2 passed, and names 1/],
    ['more named than counted', report({ testResults: [file(), file()] }), {}, /counts 1 passed, and names 2/],
    ['success with a failed file', report({ testResults: [file({ status: 'failed' })] }), { exit: 1 }, /says success true with something failed/],
    ['a failure hidden in a file that passed', report({ numPassedTests: 0, numFailedTests: 1, testResults: [file({ assertionResults: [test({ status: 'failed' })] })] }), {}, /says success true with something failed/],
    ['failure with nothing failed', report({ success: false }), { exit: 1 }, /says success false with nothing failed/],
    ['exit 0 with a failure', report({ success: false, numPassedTests: 0, numFailedTests: 1, testResults: [file({ status: 'failed', assertionResults: [test({ status: 'failed' })] })] }), {}, /exit code 0 with 1 failed/],
    ['exit 1 without one', report(), { exit: 1 }, /exit code 1 with nothing failed/],
    ['another exit code', report(), { exit: 130 }, /exit code 130/],
    ['no exit code', report(), { exit: null }, /exit code null/],
    ['a time-out', report(), { reason: 'timeout' }, /did not end by itself: timeout/],
    ['a report that was cut', null, { truncated: true }, /cut short/],
    ['too many cases', report({ numPassedTests: 20_001, testResults: [file({ assertionResults: Array.from({ length: 20_001 }, () => test()) })] }), {}, /more than 20000/],
  ])('has a problem with %s', (_what, text, more, problem) => {
    expect(read(text, more).problem).toMatch(problem);
  });

  it('keeps names apart, files inside the workspace, and messages short', () => {
    const failed = test({ status: 'failed', failureMessages: ['x'.repeat(9000)] });
    const text = report({ success: false, numPassedTests: 3, numFailedTests: 1, testResults: [file({ assertionResults: [test(), test({ title: 'n #2' }), test()] }), file({ name: '/etc/passwd', status: 'failed', assertionResults: [failed] })] });
    const { cases, problem } = read(text, { exit: 1 });
    expect({ problem, cases: cases.map((c) => [c.id, c.file, c.message?.length ?? null]) }).toEqual({ problem: null, cases: [['a.js > n', 'a.js', null], ['a.js > n #2', 'a.js', null], ['a.js > n #3', 'a.js', null], ['/etc/passwd > n', null, 4000]] });
  });
});
