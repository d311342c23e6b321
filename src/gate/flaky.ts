import type { CaseChange, CheckRun, RunAgain } from '../protocol/evidence.js';
import { type CheckRuns, CaseIndex, compareCases } from './compare.js';
import { believable } from './proof.js';

type SideName = RunAgain['side'];
const PROVES: ReadonlySet<CaseChange['change']> = new Set(['fixed', 'broken', 'new_passing', 'new_failing']);

/**
 * Which sides of a check are run once more: those that say that a case changed its mind. A case that passes or fails by chance would otherwise be a proof, or a fault, by chance. At most one
 * more run a side; the head has had its own where coverage was measured without another code.
 */
export function sidesToRepeat(check: string, runs: CheckRuns): SideName[] {
  const of = (all: readonly CheckRun[]): CheckRun[] => all.filter((run) => run.name === check);
  const here = { base: of(runs.base), head: of(runs.head), red: of(runs.red) };
  const changes = compareCases(here).map((one) => one.change);
  const red = new CaseIndex(here.red[0]);
  const wanted = new Set<SideName>();
  if (changes.some((one) => PROVES.has(one))) wanted.add('head');
  if (changes.some((one) => one === 'fixed' || one === 'broken')) wanted.add('base');
  // Edited and new tests prove by their failure over the base's code.
  if (red.all.some((one) => one.status === 'failed')) wanted.add('red');
  if ((runs.again ?? []).some((one) => one.side === 'head' && one.run.name === check && believable(one.run))) wanted.delete('head');
  return (['base', 'head', 'red'] as const).filter((side) => wanted.has(side) && here[side].length === 1 && believable(here[side][0]));
}
