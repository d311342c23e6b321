import { expect, it } from 'vitest';
import { MOCHA } from '../../../src/gate/runners/mocha.js';
import { PYTEST } from '../../../src/gate/runners/pytest.js';
import { RUNNERS } from '../../../src/gate/runners/registry.js';
import type { RunnerOutput } from '../../../src/gate/runners/runner.js';
import { UNITTEST } from '../../../src/gate/runners/unittest.js';

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
    if (name !== 'node-test') expect([name, runner.argv(["a'; rm -rf $HOME", '-x']).slice(-2)]).toEqual([name, ["a'; rm -rf $HOME", '-x']]);
  }
});
