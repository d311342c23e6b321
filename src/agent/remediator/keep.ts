import type { Unjudged } from '../../gate/judge.js';
import { caseConditions, checkConditions, scanCondition } from '../../gate/conditions.js';
import { advisoriesConditions, isGone, targetName } from '../../gate/remedies.js';
import { toolConditions } from '../../gate/tools/conditions.js';
import type { Target } from '../../protocol/evidence.js';

type Measured = Pick<Unjudged, 'checks' | 'cases' | 'files' | 'scan' | 'tools' | 'suppressions' | 'advisories' | 'definitions'>;

/**
 * Why a fix that was applied alone is dropped; null = it is kept: the same checks ran, nothing that worked broke, no case vanished,
 * nothing new was found, and every target is gone. What is not known is a reason to drop.
 */
export function dropReason(measured: Measured, targets: readonly Target[]): string | null {
  const setup = measured.checks.head.find((run) => run.name === 'setup' && run.problem !== null);
  if (setup !== undefined) return `its dependencies cannot be set up: ${setup.problem ?? ''}`.slice(0, 1000);
  const bad = [...caseConditions(measured), ...checkConditions(measured), scanCondition(measured), ...toolConditions(measured), ...advisoriesConditions(measured)].find((c) => c.holds !== 'yes');
  if (bad !== undefined) return bad.detail.slice(0, 1000);
  const left = targets.filter((t) => !isGone(t, measured));
  return left.length === 0 ? null : `still there: ${left.map(targetName).join('; ')}`.slice(0, 1000);
}
