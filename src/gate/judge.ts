import { count } from '../protocol/words.js';
import type { Condition, Evidence } from '../protocol/evidence.js';
import type { Kind, Verdict } from '../protocol/task.js';
import { caseConditions, checkConditions, type Finding, scanCondition } from './conditions.js';
import { compareCases } from './compare.js';
import { executedConditions } from './coverage/condition.js';
import { ACCEPTABLE } from '../protocol/gate-terms.js';
import { demandedConditions } from './demanded.js';
import { dependencyConditions } from './dependencies/conditions.js';
import { provenBy } from './kinds.js';
import { advisoriesConditions } from './remedies.js';
import { tamperConditions } from './tamper.js';
import { toolConditions } from './tools/conditions.js';

/** What there is before it is judged. */
export type Unjudged = Omit<Evidence, 'verdict' | 'conditions'>;

/**
 * The verdict over evidence, by kind of task (docs/architecture.md#proof), with every condition that was looked at.
 * Pure, and never throws: an error while judging is the verdict `error`. `passed` needs every condition to hold; missing, empty or
 * skipped evidence makes a condition `unknown`, which is `unverified` at best, unless the policy accepts just that. `error` comes before `failed`: when a sandbox was lost,
 * cases are missing for a reason that is not the change.
 */
export function judge(evidence: Unjudged): { readonly verdict: Verdict; readonly conditions: Condition[] } {
  try {
    const findings = conditionsOf(evidence);
    const accepts = (evidence.terms?.accepts ?? []).filter((id) => ACCEPTABLE.has(id));
    const conditions = findings.map(({ id, holds, detail, broken }): Condition => ({ id, holds, detail, ...(holds === 'unknown' && broken !== true && accepts.includes(id) ? { accepted: true as const } : {}) }));
    return { verdict: verdictOf(findings, conditions), conditions };
  } catch (error) {
    return { verdict: 'error', conditions: [{ id: 'judged', holds: 'unknown', detail: `The evidence could not be judged: ${error instanceof Error ? error.message : String(error)}`.slice(0, 2000) }] };
  }
}

function conditionsOf(evidence: Unjudged): readonly Finding[] {
  const shape = [consistent(evidence)];
  if (isReading(evidence.kind)) return [...shape, treeUnchanged(evidence), citationsExist(evidence)];
  if (evidence.agent === 'remediator' && evidence.files.length === 0) return [...shape, ...provenBy(evidence)]; // nothing was changed, so nothing can have broken
  return [...shape, changePresent(evidence), ...checkConditions(evidence), ...caseConditions(evidence), ...executedConditions(evidence), scanCondition(evidence), ...toolConditions(evidence), ...tamperConditions(evidence), ...advisoriesConditions(evidence), ...dependencyConditions(evidence), ...demandedConditions(evidence), ...provenBy(evidence)];
}

/** An empty list is not a pass. */
function verdictOf(findings: readonly Finding[], conditions: readonly Condition[]): Verdict {
  if (findings.some((f) => f.broken === true)) return 'error';
  if (findings.some((f) => f.holds === 'no')) return 'failed';
  return conditions.length > 0 && conditions.every((c) => c.holds === 'yes' || c.accepted === true) ? 'passed' : 'unverified';
}

export function isReading(kind: Kind): boolean {
  return kind === 'review' || kind === 'ask';
}

/** Cases are worked out anew: whoever hands them over must not be believed where it can be checked. */
function consistent(evidence: Unjudged): Finding {
  const same = JSON.stringify(compareCases(evidence.checks)) === JSON.stringify(evidence.cases);
  const sameTree = evidence.base.tree === evidence.head.tree;
  const wrong = [
    ...(same ? [] : ['the list of cases does not follow from the runs']),
    ...(sameTree === (evidence.files.length === 0) ? [] : [`${evidence.files.length} changed files with ${sameTree ? 'the same tree' : 'another tree'}`]),
    ...(evidence.notChecked.length > 0 ? [] : ['nothing is named as not checked']),
  ];
  return wrong.length === 0
    ? { id: 'evidence.consistent', holds: 'yes', detail: 'Runs, cases, files and trees agree.' }
    : { id: 'evidence.consistent', holds: 'unknown', broken: true, detail: `The evidence contradicts itself: ${wrong.join('; ')}.` };
}

function changePresent({ files }: Unjudged): Finding {
  return { id: 'change.present', holds: files.length > 0 ? 'yes' : 'no', detail: files.length > 0 ? `${count(files.length, 'file')} changed.` : 'No file changed, so there is nothing that could be the work.' };
}

function treeUnchanged({ files, base, head }: Unjudged): Finding {
  const same = files.length === 0 && base.tree === head.tree;
  return { id: 'tree.unchanged', holds: same ? 'yes' : 'no', detail: same ? 'The tree is the same.' : `${count(files.length, 'file')} changed; a task that only reads may change none.` };
}

function citationsExist({ citations }: Unjudged): Finding {
  const missing = citations.filter((c) => !c.exists).map((c) => c.ref);
  if (citations.length === 0) return { id: 'citations.exist', holds: 'unknown', detail: 'Nothing is cited, so nothing shows that the answer rests on the code.' };
  return missing.length === 0
    ? { id: 'citations.exist', holds: 'yes', detail: `All ${citations.length} citations exist.` }
    : { id: 'citations.exist', holds: 'no', detail: `${missing.length} of ${citations.length} citations do not exist: ${missing.slice(0, 5).join(', ')}.`.slice(0, 2000) };
}
