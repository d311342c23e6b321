import { z } from 'zod';
import type { TestCase } from '../../protocol/evidence.js';
import { casesOf, cutShort, exitProblem, failedOf, MAX_CASES, parseJson, type Told, unreadable } from './cases.js';
import { MAX_REPORT, type Runner, type RunnerOutput, type RunnerReport } from './runner.js';

const MAX_LINE = 256 * 1024;
const MAX_MESSAGE = 3000;
const ENDS: Readonly<Record<string, TestCase['status']>> = { pass: 'passed', fail: 'failed', skip: 'skipped' };
/** https://pkg.go.dev/cmd/test2json; `ImportPath` instead of `Package` in what a build prints (Go 1.24). */
const Line = z.object({
  Action: z.enum(['start', 'run', 'pause', 'cont', 'pass', 'bench', 'fail', 'output', 'skip', 'attr', 'build-output', 'build-fail']),
  Package: z.string().min(1).max(1000).optional(), ImportPath: z.string().max(1000).optional(), Test: z.string().min(1).max(10_000).optional(),
  Elapsed: z.number().min(0).optional(), Output: z.string().optional(),
});
type Line = z.infer<typeof Line>;

/** `go test -json`, which has standard output for itself. Build output lies in the sandbox's /tmp; no toolchain is fetched. */
export const GO: Runner = {
  reportsTo: 'stdout',
  canaries: false,
  argv: (args) => ['/usr/bin/env', 'GOCACHE=/tmp/go-build', 'GOTOOLCHAIN=local', 'GOPROXY=off', 'go', 'test', '-json', ...(args.length > 0 ? args : ['./...'])],
  parse: readGoTest,
};

/** What is known of one package: its tests by name, and how it ended. */
interface Package {
  readonly tests: Map<string, { status: TestCase['status'] | null; seconds: number; output: string }>;
  status: TestCase['status'] | null;
  output: string;
}

function readGoTest(output: RunnerOutput): RunnerReport {
  const text = output.report ?? '';
  if (text.length > MAX_REPORT) return unreadable(`the report is ${text.length} characters long, at most ${MAX_REPORT} are read`);
  const { packages, problem } = readLines(text);
  const told = [...packages].flatMap(([name, one]) => tellPackage(name, one));
  if (told.length > MAX_CASES) return unreadable(`the report names more than ${MAX_CASES} cases`);
  return { cases: casesOf(told), problem: problem ?? cutShort(output) ?? openProblem(packages) ?? exitProblem(output, failedOf(told), (exit) => exit === 1 || exit === 2) };
}

function readLines(text: string): { packages: Map<string, Package>; problem: string | null } {
  const packages = new Map<string, Package>();
  const at = (name: string): Package => {
    const known = packages.get(name) ?? { tests: new Map(), status: null, output: '' };
    packages.set(name, known);
    return known;
  };
  for (const text_ of text.split('\n')) {
    if (text_ === '') continue;
    // Go before 1.24 tells packages that do not build in plain words.
    const unbuilt = /^FAIL\t(\S{1,1000}) \[(?:build|setup) failed\]$/.exec(text_)?.[1];
    if (unbuilt !== undefined) {
      at(unbuilt).status = 'failed';
      continue;
    }
    const read = text_.length > MAX_LINE ? undefined : Line.safeParse(parseJson(text_));
    if (read?.success !== true) return { packages, problem: 'the report holds a line that is not the runner\'s' };
    const problem = take(read.data, at);
    if (problem !== null) return { packages, problem };
  }
  return { packages, problem: null };
}

function take(line: Line, at: (name: string) => Package): string | null {
  if (line.Package === undefined) return line.Action.startsWith('build-') ? null : 'the report tells of no package';
  const one = at(line.Package);
  if (line.Test === undefined) {
    if (line.Output !== undefined) one.output = grown(one.output, line.Output);
    if (one.status !== null && ENDS[line.Action] !== undefined) return `package ${line.Package} ends twice`;
    one.status = ENDS[line.Action] ?? one.status;
    return null;
  }
  const test = one.tests.get(line.Test) ?? { status: null, seconds: 0, output: '' };
  one.tests.set(line.Test, test);
  if (line.Output !== undefined) test.output = grown(test.output, line.Output);
  // A test function runs again with -count or -cpu: the worst that it did is what counts.
  const status = ENDS[line.Action];
  if (status !== undefined && test.status !== 'failed') test.status = status;
  test.seconds = line.Elapsed ?? test.seconds;
  return null;
}

function grown(text: string, more: string): string {
  return text.length >= MAX_MESSAGE ? text : (text + more).slice(0, MAX_MESSAGE);
}

/** The tests of a package. It is a failed case itself when it does not build, or fails with no failed test. */
function tellPackage(name: string, one: Package): Told[] {
  const failed = new Set([...one.tests].filter(([, t]) => t.status === 'failed').map(([test]) => test));
  const isEcho = (test: string): boolean => failed.has(test) && [...failed].some((other) => other.startsWith(`${test}/`));
  const tests = [...one.tests].flatMap(([test, { status, seconds, output }]): Told[] => {
    if (isEcho(test)) return [];
    // A test that the end of its process cut off did not pass.
    const known = status ?? 'failed';
    return [{ place: name, file: null, names: test.split('/'), status: known, ms: seconds * 1000, message: known === 'failed' ? output : null }];
  });
  if (one.status !== 'failed' || failedOf(tests) > 0) return tests;
  return [...tests, { place: name, file: null, names: [], status: 'failed', ms: 0, message: one.output === '' ? 'the package does not build' : one.output }];
}

/** A package that began and never ended, and one that passed with a failed test, are no report. */
function openProblem(packages: ReadonlyMap<string, Package>): string | null {
  for (const [name, one] of packages) {
    if (one.status === null) return `the report does not say how ${name} ended`;
    if (one.status !== 'failed' && [...one.tests.values()].some((t) => t.status === 'failed' || t.status === null)) return `${name} ended well with tests that did not`;
  }
  return null;
}
