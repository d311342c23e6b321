import type { Coverage, LineRange } from '../protocol/coverage.js';
import type { CheckSpec } from '../protocol/environment.js';
import type { CheckRun, RunAgain } from '../protocol/evidence.js';
import { collectCheck, type Collector, type Side } from './collect.js';
import { measureCheck } from './coverage/measure.js';
import { subjectOf, Tally } from './coverage/tally.js';
import { sidesToRepeat } from './flaky.js';

type Laid = Omit<Side, 'side' | 'round'>;

/** What the runs that give the verdict said, and where each side lies. */
export interface Further {
  readonly round: number;
  readonly checks: Readonly<Record<string, CheckSpec>>;
  /** Lines of code that the change added or edited. */
  readonly lines: ReadonlyMap<string, readonly LineRange[]>;
  /** Files of code beside them that are not looked at. */
  readonly more: number;
  readonly runs: { readonly base: readonly CheckRun[]; readonly head: readonly CheckRun[]; readonly red: readonly CheckRun[] };
  readonly sides: { readonly base: Laid; readonly head: Laid; readonly red: Laid | null };
}

/**
 * Runs beyond those that give the verdict, each in a fresh sandbox: the head with coverage measured, and once more each side that says that a case changed its mind. They may take a proof
 * away, and never add one.
 */
export async function lookFurther(collector: Collector, { round, checks, lines, more, runs, sides }: Further): Promise<{ readonly coverage: Coverage; readonly again: RunAgain[] }> {
  const subject = subjectOf(lines, more);
  const tally = new Tally(subject);
  const again: RunAgain[] = [];
  for (const [name, check] of Object.entries(checks)) {
    if (subject.files.size > 0) {
      const { by, reason, problem, reports, again: second } = await measureCheck(collector, { round, ...sides.head }, name, check, runs.head.find((run) => run.name === name), subject.files);
      tally.check({ check: name, by, reason, problem });
      for (const report of reports) tally.take(report);
      if (second !== null) again.push(second);
    }
    for (const side of sidesToRepeat(name, { ...runs, again })) {
      const laid = sides[side];
      const run = laid === null ? null : await collectCheck(collector, { round, side: `${side}_again`, ...laid }, name, check, (start) => start());
      if (run !== null) again.push({ side, covered: false, run });
    }
  }
  return { coverage: tally.coverage(), again };
}
