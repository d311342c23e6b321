import { z } from 'zod';
import type { TestCase } from '../../protocol/evidence.js';
import { workspaceFile } from '../../protocol/workspace.js';
import { casesOf, cutShort, exitProblem, failedOf, MAX_CASES, parseJson, type Told, unreadable } from './cases.js';
import { MAX_REPORT, type RunnerOutput, type RunnerReport } from './runner.js';

const Text = z.string().max(10_000);
const Count = z.int().min(0).max(1_000_000);
const Assertion = z.object({
  ancestorTitles: z.array(Text).max(50), title: Text, status: z.enum(['passed', 'failed', 'skipped', 'pending', 'disabled', 'todo']),
  duration: z.number().nullish(), failureMessages: z.array(z.string()).max(1000).nullish(),
});
const File = z.object({ name: z.string().min(1).max(4000), status: z.enum(['passed', 'failed', 'skipped', 'pending', 'focused']), message: z.string().nullish(), assertionResults: z.array(Assertion) });
/** What of the form is used. Others of its keys differ from version to version. */
const Report = z.object({ numPassedTests: Count, numFailedTests: Count, numPendingTests: Count, numTodoTests: Count, numTotalTests: Count, success: z.boolean(), testResults: z.array(File).max(MAX_CASES) });
type Report = z.infer<typeof Report>;

const STATUS: Readonly<Record<z.infer<typeof Assertion>['status'], TestCase['status']>> = { passed: 'passed', failed: 'failed', todo: 'todo', skipped: 'skipped', pending: 'skipped', disabled: 'skipped' };

/** Reads the report of `jest --json` (https://jestjs.io/docs/cli#--json). */
export function readJestJson(output: RunnerOutput): RunnerReport {
  const problem = cutShort(output);
  if (output.report === null) return unreadable(problem ?? `there is no report; exit code ${output.exit}`);
  if (output.report.length > MAX_REPORT) return unreadable(`the report is ${output.report.length} characters long, at most ${MAX_REPORT} are read`);
  const read = Report.safeParse(parseJson(output.report));
  if (!read.success) return unreadable(problem ?? `the report is not of the runner's form; exit code ${output.exit}`);
  const report = read.data;
  const told = report.testResults.flatMap(tellFile);
  if (told.length > MAX_CASES) return unreadable(`the report names more than ${MAX_CASES} cases`);
  return { cases: casesOf(told), problem: problem ?? countProblem(report) ?? exitProblem(output, failedOf(told)) };
}

/** The cases of one file. One that failed with no failed test did not load, or failed outside of its tests: that is a failed case too. */
function tellFile(file: z.infer<typeof File>): Told[] {
  const at = workspaceFile(file.name);
  const place = at ?? file.name;
  const tests = file.assertionResults.map((one): Told => ({
    place, file: at, names: [...one.ancestorTitles, one.title], status: STATUS[one.status], ms: one.duration ?? 0,
    message: one.status === 'failed' ? (one.failureMessages ?? []).join('\n').slice(0, 10_000) : null,
  }));
  if (file.status !== 'failed' || failedOf(tests) > 0) return tests;
  return [...tests, { place, file: at, names: [], status: 'failed', ms: 0, message: (file.message ?? 'the file failed outside of its tests').slice(0, 10_000) }];
}

/** The counts of the report are about tests alone; files that failed outside of them are not in them. */
function countProblem(report: Report): string | null {
  const named = { passed: 0, failed: 0, skipped: 0, todo: 0 };
  for (const one of report.testResults.flatMap((file) => file.assertionResults)) named[STATUS[one.status]] += 1;
  const counted = { passed: report.numPassedTests, failed: report.numFailedTests, skipped: report.numPendingTests, todo: report.numTodoTests };
  for (const status of ['passed', 'failed', 'skipped', 'todo'] as const) {
    if (named[status] !== counted[status]) return `the report counts ${counted[status]} ${status}, and names ${named[status]}`;
  }
  const failed = named.failed > 0 || report.testResults.some((file) => file.status === 'failed');
  return report.success === failed ? `the report says success ${report.success} with ${failed ? 'something' : 'nothing'} failed` : null;
}
