import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canaryInput, drawCanary, signedText } from '../../../src/gate/runners/canary.js';
import { MOCHA } from '../../../src/gate/runners/mocha.js';
import { PYTEST } from '../../../src/gate/runners/pytest.js';
import { RUNNERS } from '../../../src/gate/runners/registry.js';
import type { RunnerOutput } from '../../../src/gate/runners/runner.js';
import { UNITTEST } from '../../../src/gate/runners/unittest.js';
import { VITEST } from '../../../src/gate/runners/vitest.js';

/** What our reporter wrote for mocha 10.8. */
const MOCHA_REPORT = `{"case":{"file":"test/sum.js","names":["passes"],"status":"passed","ms":0,"message":null,"cause":null}}
{"case":{"file":"test/sum.js","names":["suite","fails"],"status":"failed","ms":1,"message":"1 == 2\\n    at Context.<anonymous> (test/sum.js:5:28)","cause":null}}
{"case":{"file":"test/sum.js","names":["suite","is skipped"],"status":"skipped","ms":0,"message":null,"cause":null}}
{"case":{"file":"test/sum.js","names":["hook"],"status":"failed","ms":0,"message":"no\\n    at Context.<anonymous> (test/sum.js:11:11)","cause":null}}
{"case":{"file":"test/broken.js","names":[],"status":"failed","ms":0,"message":"Cannot find module './nowhere.js'","cause":null}}
{"end":{"passed":1,"failed":3,"skipped":1,"todo":0}}
`;
const read = (more: Partial<RunnerOutput> = {}) => ({ report: MOCHA_REPORT, truncated: false, exit: 3, reason: 'exited', ...more }) as const;

it('reads a real report of mocha, which ends with the number of failures', () => {
  const { cases, problem } = MOCHA.parse(read());
  expect({ problem, cases: cases.map((c) => `${c.status} ${c.id}`) }).toEqual({ problem: null, cases: ['passed test/sum.js > passes', 'failed test/sum.js > suite > fails', 'skipped test/sum.js > suite > is skipped', 'failed test/sum.js > hook', 'failed test/broken.js'] });
  expect([MOCHA.parse(read({ exit: 1 })).problem, MOCHA.parse(read({ exit: 255 })).problem]).toEqual([null, null]);
});

it.each<[string, Partial<RunnerOutput>, RegExp]>([
  ['no report', { report: null }, /no end; exit code 3/],
  ['exit 0', { exit: 0 }, /exit code 0 with 3 failed/],
  ['an end by a signal', { exit: null }, /exit code null/],
  ['a time-out', { reason: 'timeout', exit: null }, /did not end by itself/],
])('mocha has a problem with %s', (_what, more, problem) => {
  expect(MOCHA.parse(read(more)).problem).toMatch(problem);
});

it('Python\'s runners end with 0 or 1, and any other exit code is a problem', () => {
  for (const runner of [PYTEST, UNITTEST]) expect([1, 2, 3].map((exit) => runner.parse(read({ exit })).problem)).toEqual([null, 'exit code 2', 'exit code 3']);
});

it('a file outside of the workspace is no file of the change', () => {
  const report = `${JSON.stringify({ case: { file: '../tmp/x.py', names: ['n'], status: 'passed', ms: 0, cause: null, message: null } })}\n{"end":{"passed":1,"failed":0,"skipped":0,"todo":0}}\n`;
  expect(PYTEST.parse(read({ report, exit: 0 }))).toEqual({ problem: null, cases: [{ id: '../tmp/x.py > n', file: null, status: 'passed', ms: 0, message: null }] });
});

it('every runner hands its arguments on as they are', () => {
  for (const [name, runner] of Object.entries(RUNNERS)) {
    // tap has a command and no arguments.
    if (name !== 'node-test' && name !== 'tap') expect([name, runner.argv(["a'; rm -rf $HOME", '-x']).slice(-2)]).toEqual([name, ["a'; rm -rf $HOME", '-x']]);
  }
});

/** What our reporter wrote for vitest 4.1 (stacks cut). */
it('reads a real report of vitest, and why a part of it is the runner\'s own word', () => {
  const canary = { key: 'ab'.repeat(32), pass: 'c1', fail: 'c2' };
  const of = (names: readonly string[], status: string, file = 'sum.test.js'): string => `${JSON.stringify({ case: { file, names, status, ms: 1.5, message: status === 'failed' ? 'no' : null, cause: null } })}\n`;
  const told = of([], 'failed', 'broken.test.js') + of(['passes'], 'passed') + of(['suite', 'fails'], 'failed') + of(['suite', 'is skipped'], 'skipped') + of(['suite', 'is to do'], 'todo');
  const read = (text: string) => {
    const { cases, ...rest } = VITEST.parse({ report: `${text}{"mac":"${createHmac('sha256', Buffer.from(canary.key, 'hex')).update(text).digest('hex')}"}\n`, truncated: false, exit: 1, reason: 'exited', canary });
    return { ...rest, cases: cases.map((c) => `${c.status} ${c.id}`) };
  };
  const cases = ['failed broken.test.js', 'passed sum.test.js > passes', 'failed sum.test.js > suite > fails', 'skipped sum.test.js > suite > is skipped', 'todo sum.test.js > suite > is to do'];
  const laid = of(['', 'c1'], 'passed') + of(['', 'c2'], 'failed');
  expect(read(`${told}${laid}{"meddled":[]}\n{"end":{"passed":2,"failed":3,"skipped":1,"todo":1}}\n`)).toEqual({ problem: null, exit: 1, meddled: [], cases });
  const end = '{"meddled":[]}\n{"end":{"passed":1,"failed":2,"skipped":1,"todo":1}}\n';
  expect(read(`${told}{"uncovered":"the pool vmThreads"}\n${end}`)).toEqual({ problem: null, exit: 1, meddled: [], uncovered: 'the pool vmThreads', cases });
  expect(read(told + end).problem).toBe('cases passed, but not a word of those that were laid in');
});

describe('a report with a canary', () => {
  const canary = drawCanary();
  const one = (name: string, status: string, file: string | null = null): string => `${JSON.stringify({ case: { file, names: [name], status, ms: 0, cause: null, message: null } })}\n`;
  const laid = one(canary.pass, 'passed') + one(canary.fail, 'failed');
  const end = (passed: number, failed: number): string => `{"end":{"passed":${passed},"failed":${failed},"skipped":0,"todo":0}}\n`;
  const signed = (text: string, key = canary.key): string => `${text}{"mac":"${createHmac('sha256', Buffer.from(key, 'hex')).update(text).digest('hex')}"}\n`;
  const GOOD = signed(one('adds', 'passed', 'a.py') + laid + end(2, 1));
  const parse = (report: string, more: Partial<RunnerOutput> = {}) => {
    const { cases, ...rest } = UNITTEST.parse({ report, truncated: false, exit: 1, reason: 'exited', canary, ...more });
    return { ...rest, cases: cases.map((c) => `${c.status} ${c.id}`) };
  };

  it('is told without what was laid in, and so is its exit code', () => {
    expect(parse(GOOD)).toEqual({ problem: null, exit: 0, meddled: [], cases: ['passed a.py > adds'] });
    expect(parse(signed(one('adds', 'failed', 'a.py') + laid + end(1, 2)))).toEqual({ problem: null, exit: 1, meddled: [], cases: ['failed a.py > adds'] });
    expect(parse(signed(`{"meddled":["replaced x"]}\n${laid}{"meddled":["y"]}\n${end(1, 1)}`))).toEqual({ problem: null, exit: 0, meddled: ['replaced x', 'y'], cases: [] });
    expect([3, 1].map((exit) => MOCHA.parse({ report: exit === 3 ? signed(one('a', 'failed', 'a.js') + one('b', 'failed', 'a.js') + laid + end(1, 3)) : GOOD, truncated: false, exit, reason: 'exited', canary })).map(({ exit, problem }) => [exit, problem])).toEqual([[2, null], [0, null]]);
  });

  it.each<[string, string, Partial<RunnerOutput>, RegExp]>([
    ['without a signature', GOOD.replace(/\{"mac.*\n/, ''), {}, /not signed/],
    ['signed by another key', signed(one('adds', 'passed', 'a.py') + laid + end(2, 1), '0'.repeat(64)), {}, /not signed/],
    ['with a line written into it', GOOD.replace(/^/, one('more', 'passed', 'a.py')).replace('"passed":2', '"passed":3'), {}, /not signed/],
    ['with a line after it', `${GOOD}${one('more', 'passed')}`, {}, /not the reporter's|goes on/],
    ['with exit code 0', GOOD, { exit: 0 }, /although a case was made to fail/],
    ['without the two cases', signed(one('adds', 'passed', 'a.py') + end(1, 0)), { exit: 0 }, /not a word/],
    ['without the one that must pass', signed(one('adds', 'passed', 'a.py') + one(canary.fail, 'failed') + end(1, 1)), {}, /1 cases that must fail were told, and 0/],
    ['in which the one that must fail passed', signed(one(canary.pass, 'passed') + one(canary.fail, 'passed') + end(2, 0)), { exit: 0 }, /did not fail/],
    ['in which the one that must pass failed', signed(one(canary.pass, 'failed') + one(canary.fail, 'failed') + end(0, 2)), {}, /did not/],
    ['that says so itself', signed(`{"problem":"no account"}\n${laid}${end(1, 1)}`), {}, /^no account$/],
  ])('is not believed %s', (_what, report, more, problem) => {
    expect(parse(report, more).problem).toMatch(problem);
  });

  it('needs the signature alone where arguments leave the two cases out', () => {
    const report = signed(one('adds', 'passed', 'a.py') + end(1, 0));
    expect(parse(report, { exit: 0, without: true }).problem).toBe(null);
    expect(parse(report.replace('adds', 'adda'), { exit: 0, without: true }).problem).toMatch(/not signed/);
    expect([['--test-name-pattern=x'], ['--test-name-pattern', 'x'], ['--test-only'], ['a.js']].map((args) => RUNNERS['node-test'].leavesOut?.(args))).toEqual([true, true, false, false]);
    expect([['-n', '4'], ['-n4'], ['--numprocesses=2'], ['-k', 'x'], ['--no-header']].map((args) => PYTEST.leavesOut?.(args))).toEqual([true, true, true, false, false]);
  });

  it('is drawn anew for each run, and is one line of input', () => {
    const [a, b] = [drawCanary(), drawCanary()];
    expect(new Set([a.key, a.pass, a.fail, b.key, b.pass, b.fail]).size).toBe(6);
    expect(JSON.parse(canaryInput(a).toString())).toEqual(a);
    expect(signedText(signed('x\n', a.key), a)).toBe('x\n');
    expect([signedText('', a), signedText(signed('x\n', a.key).replace('x', 'y'), a)]).toEqual([null, null]);
  });
});
