import type { CaseChange, CheckRun, TestCase } from '../protocol/evidence.js';
import { type CheckRuns, indexOf } from './compare.js';
import { isTestFile } from './test-files.js';

/**
 * True when a run ended by itself and its report can be believed, whatever its result. Exit code and cases are compared here too:
 * a caller that forgot to is no reason to believe.
 */
export function believable(run: CheckRun | undefined): boolean {
  if (run === undefined || run.reason !== 'exited' || run.exit === null || run.problem !== null) return false;
  if (run.runner === 'command') return true;
  return run.cases !== null && (run.exit === 0) === !run.cases.some((one) => one.status === 'failed');
}

/**
 * True when a case that is green at the head is known to have been red before, so that the change is what made it green.
 * A test that the change wrote or edited must have failed over the base's code; one that it left alone must have failed on the base.
 * One that stands beside the code, as Rust's do, cannot be told from the code that the change edits. A flaky case proves nothing. `changed` = paths of the change. Not knowing is false.
 */
export function wasRed(change: CaseChange, runs: CheckRuns, changed: readonly string[]): boolean {
  if (change.flaky === true || (change.change !== 'fixed' && change.change !== 'new_passing')) return false;
  const head = indexOf(runs.head, change.check);
  if (!believable(only(runs.head, change.check)) || head.find(change.id)?.status !== 'passed') return false;
  if (only(runs.head, change.check)?.runner === 'cargo' && standsInCode(change.id) && changed.some((path) => path.endsWith('.rs') && !isTestFile(path))) return false;
  const red = only(runs.red, change.check);
  const inRed = believable(red) ? indexOf(runs.red, change.check).find(change.id) : null;
  if (change.change === 'new_passing') return inRed?.status === 'failed';
  if (inRed?.status === 'passed' || !believable(only(runs.base, change.check))) return false;
  if (!changed.some(isTestFile)) return true;
  // Test files were edited: the case's own must have been tried over the base's code; an edited helper must at least not make it pass there.
  const file = fileOf(change.id, [...head.all, ...indexOf(runs.base, change.check).all]);
  return file === null || changed.includes(file) ? inRed?.status === 'failed' : believable(red);
}

/** Cases of cargo are named for the file of their program, and programs of tests alone stand in `tests`. */
function standsInCode(id: string): boolean {
  return !id.startsWith('tests/');
}

function fileOf(id: string, cases: readonly TestCase[]): string | null {
  return cases.find((one) => one.id === id)?.file ?? null;
}

function only(runs: readonly CheckRun[], check: string): CheckRun | undefined {
  const found = runs.filter((run) => run.name === check);
  return found.length === 1 ? found[0] : undefined;
}
