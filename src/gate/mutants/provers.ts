import type { CheckSpec } from '../../protocol/environment.js';
import type { CheckRun } from '../../protocol/evidence.js';
import type { Mutant } from '../../protocol/mutants.js';
import { type CheckRuns, compareCases, indexOf } from '../compare.js';
import { believable } from '../proof.js';
import { isTestFile } from '../test-files.js';

type CaseCheck = Extract<CheckSpec, { args: string[] }>;

/** What has to notice a fault: cases that pass at the head, each time that they ran, in test files that the change added or edited. */
export interface Provers {
  readonly cases: readonly string[];
  /** Their files. */
  readonly files: readonly string[];
}

/** New cases where there are any: those that stood beside them before would notice faults without the change. Null: none. */
export function proversOf(check: string, runs: CheckRuns, tests: readonly string[]): Provers | null {
  const run = runs.head.find((one) => one.name === check);
  if (!believable(run)) return null;
  const flaky = new Set(compareCases(runs).filter((one) => one.check === check && one.flaky === true).map((one) => one.id));
  const passing = (run?.cases ?? []).filter((one) => one.status === 'passed' && one.file !== null && tests.includes(one.file) && !flaky.has(one.id));
  const base = indexOf(runs.base, check);
  const fresh = passing.filter((one) => base.find(one.id)?.exact !== true);
  const chosen = fresh.length > 0 ? fresh : passing;
  return chosen.length === 0 ? null : { cases: chosen.map((one) => one.id), files: [...new Set(chosen.flatMap((one) => one.file ?? []))] };
}

/** The check with the provers' files alone, so that a fault costs a short run; null where the arguments do not say which of them are files. */
export function narrowed(check: CaseCheck, files: readonly string[]): CaseCheck | null {
  if (check.runner === 'go' || check.runner === 'cargo' || files.some((file) => file.startsWith('-') || /[*?[\]{}()!,\s\\]/.test(file))) return null;
  const ambiguous = check.args.some((arg, i) => !arg.startsWith('-') && /^-[^=]*$/.test(check.args[i - 1] ?? ''));
  return ambiguous ? null : { ...check, args: [...check.args.filter((arg) => arg.startsWith('-')), ...files] };
}

/** What a run with a fault in it says of the tests. A file that no longer loads fails whatever its tests assert, so that says nothing. */
export function outcomeOf(run: CheckRun | null, cases: readonly string[]): Pick<Mutant, 'outcome' | 'by'> {
  const nothing = { outcome: 'unclear' as const, by: null };
  if (run === null) return nothing;
  if (run.reason === 'timeout') return { outcome: 'stopped', by: null };
  if (!believable(run)) return nothing;
  const index = indexOf([run], run.name);
  const told = cases.map((id) => ({ id, known: index.find(id) }));
  const failed = told.filter(({ known }) => known?.exact === true && known.status === 'failed');
  const asserted = failed.find(({ known }) => thrownInTest(known?.message ?? ''));
  if (asserted !== undefined) return { outcome: 'killed', by: asserted.id };
  if (failed[0] !== undefined) return { outcome: 'stopped', by: failed[0].id };
  return told.every(({ known }) => known?.exact === true && known.status === 'passed') ? { outcome: 'survived', by: null } : nothing;
}

/** True when the innermost place of the project that a failure names is a test: JavaScript tells it first, Python last. */
function thrownInTest(message: string): boolean {
  const places = [...message.slice(0, 4000).matchAll(/File "([^"\n]{1,300})", line \d|((?:[\w@.-]*\/){0,30}[\w@.-]{1,200}\.(?:[cm]?[jt]sx?|py)):\d/g)].map((found) => (found[1] ?? found[2] ?? '').replace(/^\/*workspace\//, ''));
  const own = places.filter((path) => !path.startsWith('/') && !path.includes('node_modules/'));
  const innermost = own.some((path) => path.endsWith('.py')) ? own.at(-1) : own[0];
  return innermost !== undefined && isTestFile(innermost);
}
