import { z } from 'zod';
import type { TestCase } from '../../protocol/evidence.js';
import { workspaceFile } from '../../protocol/workspace.js';
import { type Canary, signedText } from './canary.js';
import { casesOf, cutShort, exitProblem, failedOf, MAX_CASES, parseJson, type Told, unreadable } from './cases.js';
import { MAX_REPORT, type RunnerOutput, type RunnerReport } from './runner.js';

const MAX_LINE = 64 * 1024;
const MAX_NAMES = 50;
const MAX_MEDDLED = 100;

const Count = z.int().min(0).max(1_000_000);
const Line = z.union([
  z.strictObject({
    case: z.strictObject({
      file: z.string().max(4000).nullable(), names: z.array(z.string().max(10_000)).max(MAX_NAMES), status: z.enum(['passed', 'failed', 'skipped', 'todo']),
      ms: z.number().min(0), cause: z.string().max(100).nullable(), message: z.string().max(10_000).nullable(),
    }),
  }),
  z.strictObject({ meddled: z.array(z.string().max(300)).max(MAX_MEDDLED) }),
  z.strictObject({ uncovered: z.string().min(1).max(300) }),
  z.strictObject({ problem: z.string().max(1000) }),
  z.strictObject({ end: z.strictObject({ passed: Count, failed: Count, skipped: Count, todo: Count }) }),
]);
type Counts = Readonly<Record<TestCase['status'], number>>;
type Reported = Extract<z.infer<typeof Line>, { case: unknown }>['case'];

/** How a runner ends when something failed: the exit codes besides 0, and what one would have been had the case not been there that was made to fail. */
interface Ends {
  readonly known: (exit: number) => boolean;
  readonly without: (exit: number, failed: number) => number;
}
const ONE: Ends = { known: (exit) => exit === 1, without: (_, failed) => (failed > 0 ? 1 : 0) };

/**
 * Reads what our own programs of ../inside write, as hostile: code of the tree ran beside them and may have written to the same place.
 * The cases are what can be read even when there is a problem (a message for the agent); only without one do they prove anything.
 */
export function readLineReport(output: RunnerOutput, { known, without }: Ends = ONE): RunnerReport {
  const { canary } = output;
  const text = output.report ?? '';
  if (text.length > MAX_REPORT) return unreadable(`the report is ${text.length} characters long, at most ${MAX_REPORT} are read`);
  const signed = canary === undefined ? text : signedText(text, canary);
  const { reported, end, meddled, uncovered, problem } = readLines(signed ?? text.replace(/\{"mac":"[0-9a-f]*"\}\n$/, ''));
  const [canaries, rest] = canary === undefined ? [[], reported] : apart(reported, canary);
  const told = rest.filter((one) => !isEcho(one, rest)).map(tell);
  const failed = failedOf(rest);
  const exit = canaries.length > 0 && output.exit !== null && known(output.exit) ? without(output.exit, failed) : output.exit;
  const found = problem ?? cutShort(output) ?? countProblem(output, reported, end)
    ?? (signed === null ? 'the report is not signed as the run was told to' : null)
    ?? (canary === undefined ? null : canaryProblem(canaries, output.without === true || uncovered !== null ? [] : rest, canary))
    ?? (canaries.length > 0 && output.exit === 0 ? 'exit code 0, although a case was made to fail' : null)
    ?? exitProblem({ ...output, exit }, failed, known);
  return { cases: casesOf(told), problem: found, ...(canary === undefined ? {} : { exit, meddled }), ...(uncovered === null ? {} : { uncovered }) };
}

/** The two kinds of case that were laid into the run, and those of the project. */
function apart(reported: readonly Reported[], canary: Canary): [Reported[], Reported[]] {
  const canaries = reported.filter((one) => isCanary(one, canary));
  return [canaries, reported.filter((one) => !canaries.includes(one))];
}

/** A runner with a process for each file lays them into every one, named for the file. */
function isCanary({ names }: Reported, { pass, fail }: Canary): boolean {
  const name = names.at(-1) ?? '';
  return [pass, fail].some((word) => name === word || name.startsWith(`${word} `));
}

function canaryProblem(canaries: readonly Reported[], rest: readonly Reported[], { pass, fail }: Canary): string | null {
  const told = (word: string, status: TestCase['status']): number => canaries.filter((one) => one.status === status && (one.names.at(-1) ?? '').startsWith(word)).length;
  const [passed, failed] = [told(pass, 'passed'), told(fail, 'failed')];
  if (passed + failed !== canaries.length) return 'a case that was made to fail did not fail, or one that must pass did not';
  if (passed !== failed) return `${failed} cases that must fail were told, and ${passed} that must pass`;
  return passed === 0 && rest.some((one) => one.status === 'passed' && one.names.length > 0) ? 'cases passed, but not a word of those that were laid in' : null;
}

function readLines(text: string): { reported: Reported[]; end: Counts | null; meddled: string[]; uncovered: string | null; problem: string | null } {
  const reported: Reported[] = [];
  const meddled: string[] = [];
  let end: Counts | null = null;
  let said: string | null = null;
  let uncovered: string | null = null;
  const problem = (what: string) => ({ reported, end, meddled, uncovered, problem: what });
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (end !== null) return problem('the report goes on after its end');
    const read = line.length > MAX_LINE ? undefined : Line.safeParse(parseJson(line));
    if (read?.success !== true) return problem('the report holds a line that is not the reporter\'s');
    if ('end' in read.data) end = read.data.end;
    else if ('meddled' in read.data) meddled.push(...read.data.meddled.slice(0, MAX_MEDDLED - meddled.length));
    else if ('uncovered' in read.data) uncovered ??= read.data.uncovered;
    else if ('problem' in read.data) said ??= read.data.problem;
    else if (reported.push(read.data.case) > MAX_CASES) return problem(`the report names more than ${MAX_CASES} cases`);
  }
  return { reported, end, meddled, uncovered, problem: said };
}

/** A parent that failed only because a test inside it did: the inner one is the case. One that says so with no failed test inside is a case itself. */
function isEcho(one: Reported, all: readonly Reported[]): boolean {
  return one.status === 'failed' && one.cause === 'subtestsFailed'
    && all.some((other) => other.status === 'failed' && other.file === one.file && other.names.length > one.names.length && one.names.every((name, i) => other.names[i] === name));
}

function tell({ file, names, status, ms, message }: Reported): Told {
  return { place: file, file: workspaceFile(file), names, status, ms, message };
}

function countProblem(output: RunnerOutput, reported: readonly Reported[], end: Counts | null): string | null {
  if (end === null) return `the report has no end; exit code ${output.exit}`;
  for (const status of ['passed', 'failed', 'skipped', 'todo'] as const) {
    const counted = reported.filter((one) => one.status === status).length;
    if (counted !== end[status]) return `the report counts ${end[status]} ${status}, and names ${counted}`;
  }
  return null;
}
