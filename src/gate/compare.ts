import type { CaseChange, CheckRun, RunAgain, TestCase } from '../protocol/evidence.js';

/**
 * The runs of the same checks on several trees. `red` = the head's new and edited test files laid over the base's code; `old` = the base's test files that the change edited or
 * deleted laid over the head's code, empty or left out where it did neither.
 */
export interface CheckRuns {
  readonly base: readonly CheckRun[];
  readonly head: readonly CheckRun[];
  readonly red: readonly CheckRun[];
  readonly old?: readonly CheckRun[] | undefined;
  /** Sides that ran once more. */
  readonly again?: readonly RunAgain[] | undefined;
}
type Status = TestCase['status'];
/** What is known of a case in one run. `exact` = the run reports it under this id; else it is told by what is above or below it. */
export interface Known {
  readonly status: Status;
  readonly exact: boolean;
  readonly message: string | null;
}

/** Cases of one run by id. A `command` check is one case named for the check; it is red only when it ran to its end and failed. */
export class CaseIndex {
  readonly #cases: ReadonlyMap<string, TestCase>;
  /** Every id that has cases below it, with their statuses. */
  readonly #below = new Map<string, Set<Status>>();

  constructor(run: CheckRun | undefined) {
    this.#cases = new Map(casesOf(run).map((one) => [one.id, one]));
    for (const { id, status } of this.#cases.values()) {
      for (const above of ancestors(id)) this.#below.set(above, (this.#below.get(above) ?? new Set<Status>()).add(status));
    }
  }

  get all(): readonly TestCase[] {
    return [...this.#cases.values()];
  }

  /**
   * Status of a case, null when nothing tells it. A file that does not load and a suite whose hook fails are reported as one failed
   * case instead of those inside, and as nothing at all once they work: what is above answers with `failed` or `skipped`, what is
   * below answers for the whole. An ancestor that *passed* says nothing of a case that is not there: it may have been deleted.
   */
  find(id: string): Known | null {
    const exact = this.#cases.get(id);
    if (exact !== undefined) return { status: exact.status, exact: true, message: exact.message };
    for (const above of ancestors(id)) {
      const found = this.#cases.get(above);
      if (found?.status === 'failed' || found?.status === 'skipped') return { status: found.status, exact: false, message: found.message };
    }
    const below = this.#below.get(id);
    if (below === undefined) return null;
    const status = (['failed', 'passed', 'todo', 'skipped'] as const).find((s) => below.has(s)) ?? 'skipped';
    return { status, exact: false, message: null };
  }
}

/** Every case of base and head with what became of it, by check and then in the order of the head. */
export function compareCases(runs: CheckRuns): CaseChange[] {
  const names = [...new Set([...runs.head, ...runs.base].map((run) => run.name))];
  return names.flatMap((check) => {
    const changes = compareCheck(check, indexOf(runs.base, check), indexOf(runs.head, check), indexOf(runs.red, check));
    const repeats = repeatsOf(runs, check);
    return repeats.length === 0 ? changes : changes.map((one) => (repeats.some((repeat) => changedItsMind(one, repeat)) ? { ...one, flaky: true as const } : one));
  });
}

/** A run and the same run once more. `second` is null where it came to no result. */
interface Repeat {
  readonly first: CaseIndex;
  readonly second: CaseIndex | null;
}

function repeatsOf(runs: CheckRuns, check: string): Repeat[] {
  return (runs.again ?? []).filter((one) => one.run.name === check).flatMap(({ side, covered, run }) => {
    const ended = run.reason === 'exited' && run.problem === null;
    // Measuring slows a run down: that it did not end says nothing of the cases.
    return covered && !ended ? [] : [{ first: indexOf(runs[side], check), second: ended ? new CaseIndex(run) : null }];
  });
}

/** Two runs over the same tree disagree on a case; where the second came to no result, on every one that the first made something of. */
function changedItsMind({ id, change }: CaseChange, { first, second }: Repeat): boolean {
  const before = first.find(id);
  if (before === null) return false;
  return second === null ? change !== 'passing' && change !== 'skipped' && change !== 'removed' : second.find(id)?.status !== before.status;
}

/** The cases of one check in one list of runs. Two runs of one name cannot both be believed, so neither is. */
export function indexOf(runs: readonly CheckRun[], check: string): CaseIndex {
  const found = runs.filter((run) => run.name === check);
  return new CaseIndex(found.length === 1 ? found[0] : undefined);
}

function compareCheck(check: string, base: CaseIndex, head: CaseIndex, red: CaseIndex): CaseChange[] {
  const ids = [...new Set([...head.all, ...base.all].map((one) => one.id))];
  return ids.map((id) => {
    const before = base.find(id);
    const after = head.find(id);
    const change = changeOf(before, after);
    // The test was edited, and over the base's code it passes too: the edit made it pass, not the change of the code.
    if (change === 'fixed' && red.find(id)?.status === 'passed') {
      return { id, check, change: 'passing' as const, message: 'failed on the base; the edited test passes with the code of the base too' };
    }
    return { id, check, change, message: after?.status === 'failed' ? after.message : change === 'removed' ? `${before?.status ?? 'unknown'} on the base` : null };
  });
}

function changeOf(before: Known | null, after: Known | null): CaseChange['change'] {
  if (after === null) return 'removed';
  const ran = before !== null && (before.status === 'passed' || before.status === 'failed');
  switch (after.status) {
    case 'passed':
      if (before?.status === 'passed') return 'passing';
      // A failure that is only told by tests inside a parent may have gone with those tests, so it counts as nothing known.
      return before?.status === 'failed' && before.exact ? 'fixed' : 'new_passing';
    case 'failed':
      if (before?.status === 'passed') return 'broken';
      return before?.status === 'failed' ? 'still_failing' : 'new_failing';
    case 'skipped':
    case 'todo':
      return ran ? 'now_skipped' : 'skipped';
    default:
      return after.status satisfies never;
  }
}

function casesOf(run: CheckRun | undefined): readonly TestCase[] {
  if (run === undefined) return [];
  if (run.runner !== 'command') return run.cases ?? [];
  if (run.reason !== 'exited' || run.exit === null || run.problem !== null) return [];
  const passed = run.exit === 0;
  return [{ id: run.name, file: null, status: passed ? 'passed' : 'failed', ms: run.ms, message: passed ? null : `exit code ${run.exit}` }];
}

/** The ids that an id lies below, innermost first: suites, then the file. */
function ancestors(id: string): string[] {
  const found: string[] = [];
  for (let at = id.lastIndexOf(' > '); at > 0; at = id.lastIndexOf(' > ', at - 1)) found.push(id.slice(0, at));
  return found;
}
