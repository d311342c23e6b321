import { z } from 'zod';
import type { CheckRun, TestCase } from '../protocol/evidence.js';

/** How a run of `node --test` with our reporter ended, and what it wrote. */
export interface NodeTestOutput {
  readonly stdout: string;
  /** True when output was cut. */
  readonly truncated: boolean;
  readonly exit: number | null;
  readonly reason: CheckRun['reason'];
}
export interface NodeTestReport {
  readonly cases: TestCase[];
  /** Why the report cannot be believed; null when output, counts and exit code agree. */
  readonly problem: string | null;
}

const MAX_OUTPUT = 32 * 1024 * 1024;
const MAX_CASES = 20_000;
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
 * Reads what inside/reporter.ts wrote, as hostile: code of the tree ran beside the reporter and may have written to the same stream.
 * The cases are what can be read even when there is a problem (a message for the agent); only without one do they prove anything.
 */
export function readNodeTest(output: NodeTestOutput): NodeTestReport {
  if (output.stdout.length > MAX_OUTPUT) return { cases: [], problem: `the report is ${output.stdout.length} characters long, at most ${MAX_OUTPUT} are read` };
  const { reported, end, problem } = readLines(output.stdout);
  const cases = casesOf(reported.filter((one) => !isEcho(one, reported)));
  return { cases, problem: problem ?? disagreement(output, reported, end) };
}

function readLines(text: string): { reported: Reported[]; end: Counts | null; problem: string | null } {
  const reported: Reported[] = [];
  let end: Counts | null = null;
  const problem = (what: string) => ({ reported, end, problem: what });
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (end !== null) return problem('the report goes on after its end');
    const read = line.length > MAX_LINE ? undefined : Line.safeParse(json(line));
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

function casesOf(reported: readonly Reported[]): TestCase[] {
  const seen = new Map<string, number>();
  const taken = new Set<string>();
  return reported.map((one) => {
    const id = [one.file ?? '(no file)', ...one.names].join(' > ').slice(0, 1900);
    let nth = (seen.get(id) ?? 0) + 1;
    // A test may be called what a suffix would make of another one.
    while (taken.has(nth === 1 ? id : `${id} #${nth}`)) nth++;
    seen.set(id, nth);
    const unique = nth === 1 ? id : `${id} #${nth}`;
    taken.add(unique);
    return { id: unique, file: one.file?.slice(0, 1000) ?? null, status: one.status, ms: one.ms, message: one.message?.slice(0, 4000) ?? null };
  });
}

/** Exit code, counts and cases must tell the same story; any doubt is a problem. */
function disagreement(output: NodeTestOutput, reported: readonly Reported[], end: Counts | null): string | null {
  if (output.reason !== 'exited') return `the runner did not end by itself: ${output.reason}`;
  if (output.truncated) return 'the report was cut short';
  if (end === null) return `the report has no end; exit code ${output.exit}`;
  for (const status of ['passed', 'failed', 'skipped', 'todo'] as const) {
    const counted = reported.filter((one) => one.status === status).length;
    if (counted !== end[status]) return `the report counts ${end[status]} ${status}, and names ${counted}`;
  }
  if (output.exit === 0 && end.failed > 0) return `exit code 0 with ${end.failed} failed`;
  if (output.exit === 1 && end.failed === 0) return 'exit code 1 with nothing failed';
  return output.exit === 0 || output.exit === 1 ? null : `exit code ${output.exit}`;
}

function json(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
