import { describe, expect, it } from 'vitest';
import { CARGO } from '../../../src/gate/runners/cargo.js';
import type { RunnerOutput } from '../../../src/gate/runners/runner.js';

const shown = ({ cases, problem }: ReturnType<typeof CARGO.parse>) => ({ problem, cases: cases.map((c) => `${c.status} ${c.id}`) });
const read = (report: string, more: Partial<RunnerOutput> = {}) => CARGO.parse({ report, truncated: false, exit: 101, reason: 'exited', ...more });

/** What cargo 1.95.0 wrote (parts left out): a workspace, a test that fails and prints a line like the runner's, examples of the documentation. */
const REPORT = `   Compiling shop v0.1.0 (/workspace)
    Finished \`test\` profile [unoptimized + debuginfo] target(s) in 4.65s
     Running unittests src/lib.rs (/tmp/cargo-target/debug/deps/inner-d1d547c28dae331c)

running 1 test
test adds ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running unittests src/lib.rs (/tmp/cargo-target/debug/deps/shop-507999230d6984fa)

running 4 tests
test tests::breaks ... FAILED
test tests::adds ... ok
test tests::slow ... ignored, slow ones
test tests::panics - should panic ... ok

failures:

---- tests::breaks stdout ----
test x ... ok
test result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

thread 'tests::breaks' (755) panicked at src/lib.rs:24:46:
assertion \`left == right\` failed: multi


failures:
    tests::breaks

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass \`-p shop --lib\`
     Running tests/whole.rs (/tmp/cargo-target/debug/deps/whole-8deb4823557c6f33)

running 2 tests
test noisy ... x
child
ok
test plain ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests shop

running 4 tests
test src/lib.rs - total (line 11) - compile fail ... ok
test src/lib.rs - total (line 14) ... ignored
test src/lib.rs - (line 1) ... ok
test src/lib.rs - total (line 8) ... ok

test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.21s

error: 1 target failed:
    \`-p shop --lib\`
`;

describe('a report of cargo test', () => {
  it('gives its cases by program and module, examples without their lines, and nothing that a failed test printed', () => {
    const report = read(REPORT);
    expect(shown(report)).toEqual({
      problem: null,
      cases: [
        'passed src/lib.rs (inner) > adds', 'failed src/lib.rs (shop) > tests > breaks', 'passed src/lib.rs (shop) > tests > adds', 'skipped src/lib.rs (shop) > tests > slow', 'passed src/lib.rs (shop) > tests > panics - should panic',
        'passed tests/whole.rs (whole) > noisy', 'passed tests/whole.rs (whole) > plain',
        'passed documentation (shop) > src/lib.rs -', 'passed documentation (shop) > src/lib.rs - total', 'passed documentation (shop) > src/lib.rs - total - compile fail', 'skipped documentation (shop) > src/lib.rs - total #2',
      ],
    });
    expect(report.cases[1]?.message).toContain('panicked at src/lib.rs:24:46');
  });

  it('names examples the same on base and head, whatever order they end in and wherever they moved to', () => {
    const of = (lines: readonly string[]) => shown(read(`   Doc-tests a\n\nrunning 2 tests\n${lines.join('\n')}\n\ntest result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n`, { exit: 0 }));
    expect(of(['test src/a.rs - f (line 9) ... ignored', 'test src/a.rs - f (line 3) ... ok'])).toEqual(of(['test src/a.rs - f (line 13) ... ok', 'test src/a.rs - f (line 90) ... ignored']));
  });

  const program = '     Running tests/a.rs (target/debug/deps/a-0123456789abcdef)\n';
  const failed = 'error: test failed, to rerun pass `--test a`\n';
  const result = (passed: number, bad = 0) => `test result: ${bad === 0 ? 'ok' : 'FAILED'}. ${passed} passed; ${bad} failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n`;
  it.each<[string, string, number, string[]]>([
    ['a program that ends before its tests do', `${program}\nrunning 2 tests\ntest a ... ok\n${failed}\nCaused by:\n  process didn't exit successfully: (signal: 6, SIGABRT)\n`, 101, ['passed tests/a.rs (a) > a', 'failed tests/a.rs (a)']],
    ['a program that ends badly after its tests', `${program}\nrunning 1 test\ntest a ... ok\n\n${result(1)}${failed}`, 101, ['passed tests/a.rs (a) > a', 'failed tests/a.rs (a)']],
    ['a program of its own harness', `${program}own\n`, 0, ['passed tests/a.rs (a)']],
    ['one that fails', `${program}own\n${failed}`, 101, ['failed tests/a.rs (a)']],
    ['a program as older versions name it', '     Running target/debug/deps/a-0123456789abcdef\n\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n', 0, []],
    ['no program at all', '    Finished `test` profile\n', 0, []],
  ])('tells %s', (_what, report, exit, cases) => {
    expect(shown(read(report, { exit }))).toEqual({ problem: null, cases });
  });

  it.each<[string, string, Partial<RunnerOutput>, RegExp]>([
    ['code that does not compile', 'error: this file contains an unclosed delimiter\nerror: could not compile `shop` (test "whole") due to 1 previous error\n', {}, /^the tests do not build: error: could not compile `shop`/],
    ['cargo that fails otherwise', 'error: no matching package named `x` found\n', {}, /exit code 101 with nothing failed/],
    ['no cargo', 'sh: cargo: not found\n', { exit: 127 }, /exit code 127/],
    ['tests without a program', `running 1 test\ntest a ... ok\n\n${result(1)}`, { exit: 0 }, /no program is named/],
    ['fewer cases than it counts', `${program}\nrunning 2 tests\ntest a ... ok\n\n${result(2)}`, { exit: 0 }, /counts 2 tests, 0 of them failed, and tells 1/],
    ['a case that it does not count', `${program}\nrunning 1 test\ntest b ... ok\ntest a ... ok\n\n${result(1)}`, { exit: 0 }, /counts 1 tests/],
    ['other results than it counts', `${program}\nrunning 1 test\ntest a ... FAILED\n\n${result(1)}`, { exit: 0 }, /counts 1 tests, 0 of them failed, and tells 1, 1 of them failed/],
    ['a result that it does not count', `${program}\nrunning 1 test\ntest a ... FAILED\n\ntest result: ok. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n`, {}, /ends well with 1 failed/],
    ['tests that never end', `${program}\nrunning 1 test\ntest a ... ok\n`, { exit: 0 }, /does not say how the tests of tests\/a\.rs \(a\) ended/],
    ['exit 0 with a failure', `${program}\nrunning 1 test\ntest a ... FAILED\n\n${result(0, 1)}`, { exit: 0 }, /exit code 0 with 1 failed/],
    ['a time-out', REPORT, { exit: null, reason: 'timeout' }, /did not end by itself/],
    ['output that was cut', REPORT, { truncated: true }, /cut short/],
    ['too many cases', `${program}\nrunning 20001 tests\n${Array.from({ length: 20_001 }, (_, i) => `test t${i} ... ok`).join('\n')}\n`, {}, /more than 20000/],
  ])('has a problem with %s', (_what, report, more, problem) => {
    expect(read(report, more).problem).toMatch(problem);
  });

  it('takes hostile lines for what they are', () => {
    const lines = [`     Running ${'a/'.repeat(30_000)}`, `     Running (${'-a'.repeat(30_000)})`, `test ${'a (line 1)'.repeat(6000)} ... no`, `---- ${' '.repeat(60_000)}`];
    expect(shown(read(`${program}running 1 test\n${lines.join('\n').repeat(50)}\ntest a ... ok\n\n${result(1)}`, { exit: 0 }))).toEqual({ problem: null, cases: ['passed tests/a.rs (a) > a'] });
  });
});
