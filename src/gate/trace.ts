import type { Executed } from '../sandbox/sandbox.js';
import type { RunnerName } from './runners/runner.js';

/** The program that runs the tests of each runner, by the last part of its path; one that a test runner of the tree only stands in for starts none. */
const STARTS: Readonly<Record<RunnerName, RegExp>> = {
  'node-test': /^node$/, mocha: /^node$/, jest: /^node$/, vitest: /^node$/, pytest: /^(?:python|pypy)[\d.]*$/, unittest: /^(?:python|pypy)[\d.]*$/, go: /^go$/, cargo: /^cargo$/,
  // Any program may print it.
  tap: /./,
};
/** What a runner starts beside itself: `node --test` a process for each file, `go test` the tests' own program, `cargo test` too, and rustdoc for examples. */
const BESIDE: Partial<Readonly<Record<RunnerName, RegExp>>> = { 'node-test': /^node$/, go: /\.test$/, cargo: /-[0-9a-f]{16}$|^rustdoc$/ };

/**
 * Whether what the kernel saw being started fits a report that tells of cases; null when it does, or where the kernel's list is not there or not whole. A stub in the place of the runner, or of the
 * language, can write any report, and starts something else.
 */
export function traceProblem(runner: RunnerName, args: readonly string[], cases: number, executed: Executed | null | undefined): string | null {
  if (cases === 0 || executed === null || executed === undefined || executed.lost + executed.omitted > 0) return null;
  // What Sallyport itself starts inside comes first in the list.
  const names = executed.programs.filter(({ path }) => !path.startsWith('/opt/sallyport/')).map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
  const started = names.filter((name) => STARTS[runner].test(name)).length;
  if (started === 0) return `the report tells of ${cases} cases, and the kernel saw no program start that could run them, only ${[...new Set(names)].slice(0, 5).join(', ') || 'nothing'}`;
  const beside = BESIDE[runner];
  if (beside === undefined || args.some((arg) => arg.includes('isolation'))) return null;
  const more = names.filter((name) => beside.test(name)).length - (runner === 'node-test' ? 1 : 0);
  return more > 0 ? null : `the report tells of ${cases} cases, and the kernel saw no process of the tests start`;
}
