import { z } from 'zod';
import type { TestCase } from '../../protocol/evidence.js';
import { casesOf, cutShort, exitProblem, failedOf, MAX_CASES, parseJson, type Told, unreadable, workspaceFile } from './cases.js';
import { MAX_REPORT, type RunnerOutput, type RunnerReport } from './runner.js';

const MAX_LINE = 64 * 1024;
const MAX_NAMES = 50;

const Count = z.int().min(0).max(1_000_000);
const Line = z.union([
  z.strictObject({
    case: z.strictObject({
      file: z.string().max(4000).nullable(), names: z.array(z.string().max(10_000)).max(MAX_NAMES), status: z.enum(['passed', 'failed', 'skipped', 'todo']),
      ms: z.number().min(0), cause: z.string().max(100).nullable(), message: z.string().max(10_000).nullable(),
    }),
  }),
  z.strictObject({ end: z.strictObject({ passed: Count, failed: Count, skipped: Count, todo: Count }) }),
]);
type Counts = Readonly<Record<TestCase['status'], number>>;
type Reported = Extract<z.infer<typeof Line>, { case: unknown }>['case'];

/**
 * Reads what our own programs of ../inside write, as hostile: code of the tree ran beside them and may have written to the same place.
 * The cases are what can be read even when there is a problem (a message for the agent); only without one do they prove anything.
 */
export function readLineReport(output: RunnerOutput, known?: (exit: number) => boolean): RunnerReport {
  const text = output.report ?? '';
  if (text.length > MAX_REPORT) return unreadable(`the report is ${text.length} characters long, at most ${MAX_REPORT} are read`);
  const { reported, end, problem } = readLines(text);
  const told = reported.filter((one) => !isEcho(one, reported)).map(tell);
  return { cases: casesOf(told), problem: problem ?? cutShort(output) ?? countProblem(output, reported, end) ?? exitProblem(output, failedOf(reported), known) };
}

function readLines(text: string): { reported: Reported[]; end: Counts | null; problem: string | null } {
  const reported: Reported[] = [];
  let end: Counts | null = null;
  const problem = (what: string) => ({ reported, end, problem: what });
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (end !== null) return problem('the report goes on after its end');
    const read = line.length > MAX_LINE ? undefined : Line.safeParse(parseJson(line));
    if (read?.success !== true) return problem('the report holds a line that is not the reporter\'s');
    if ('end' in read.data) end = read.data.end;
    else if (reported.push(read.data.case) > MAX_CASES) return problem(`the report names more than ${MAX_CASES} cases`);
  }
  return { reported, end, problem: null };
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
