import { count } from '../protocol/words.js';
import type { CaseChange, CheckRun, Condition, Evidence } from '../protocol/evidence.js';
import { decisive, expiredText, suppressedText } from '../sarif/suppress.js';
import { indexOf } from './compare.js';
import { believable } from './proof.js';
import { isSecurityTest } from './test-files.js';

/** A condition with the one thing that `holds` cannot say: whether `unknown` means that the proof itself broke. */
export type Finding = Condition & { readonly broken?: true };
type Measured = Pick<Evidence, 'cases' | 'files' | 'checks'> & { readonly environment?: Pick<Evidence['environment'], 'securityTests'> };
type Given = Pick<Evidence, 'checks' | 'cases' | 'scan' | 'definitions'>;

/** That the checks ran on both sides, the same ones, to their end, and told something. */
export function checkConditions({ checks, cases, definitions }: Given): Finding[] {
  return [sameChecks(checks), sameDefinitions(definitions), sideBelievable('head', checks.head, checks.base), sideBelievable('base', checks.base, []), judgesKept(checks), somethingRan(checks.head, cases)];
}

/** That nothing which worked before stopped working, vanished or was silenced. */
export function caseConditions({ cases, files, checks, environment }: Measured): Finding[] {
  const failing = cases.filter((c) => c.change === 'broken' || c.change === 'new_failing');
  const gone = cases.filter((c) => c.change === 'now_skipped' || c.change === 'removed');
  return [
    listed('cases.none_broken', failing, 'No case broke.', ['case fails that did not fail before', 'cases fail that did not fail before']),
    listed('cases.none_removed', gone, 'No case was removed or skipped.', ['case was removed or is skipped now', 'cases were removed or are skipped now']),
    securityTestsKept(gone, files, checks, environment?.securityTests ?? []),
  ];
}

/** A test that says that a defence stands is not taken away by the change that it judges, red or green. */
function securityTestsKept(gone: readonly CaseChange[], files: Evidence['files'], checks: Evidence['checks'], declared: readonly string[]): Finding {
  const id = 'tests.security_kept';
  const deleted = files.filter((f) => f.status === 'deleted' && isSecurityTest(f.path, declared)).map((f) => f.path);
  const fileOf = (c: CaseChange): string => indexOf(checks.base, c.check).all.find((one) => one.id === c.id)?.file ?? c.id.split(' > ')[0] ?? c.id;
  const silenced = gone.filter((c) => isSecurityTest(fileOf(c), declared) && !deleted.includes(fileOf(c))).map((c) => c.id);
  return deleted.length + silenced.length === 0
    ? { id, holds: 'yes', detail: 'No security test was deleted or silenced.' }
    : { id, holds: 'no', detail: `Security tests were ${deleted.length > 0 ? 'deleted' : 'removed or skipped'}: ${[...deleted, ...silenced].slice(0, 5).join('; ')}.`.slice(0, 2000) };
}

/** That both trees were scanned to the end and the change brought no new result of level error or warning. */
export function scanCondition({ scan, suppressions }: Pick<Evidence, 'scan' | 'suppressions'>): Finding {
  const id = 'scan.none_new';
  const found = scan.results.filter((r) => r.state === 'new' && r.level !== 'note' && decisive(r, suppressions));
  if (found.length > 0) {
    return { id, holds: 'no', detail: `${count(found.length, 'new scan result')}: ${found.slice(0, 5).map((r) => `${r.rule} at ${r.path}:${r.line}`).join(', ')}.${expiredText(found, suppressions)}`.slice(0, 2000) };
  }
  if (!scan.ran || scan.problem !== null) return { id, holds: 'unknown', detail: `The scan does not count: ${scan.problem ?? 'it did not run'}.`.slice(0, 2000) };
  return { id, holds: 'yes', detail: `No new scan result of level error or warning.${suppressedText(scan.results, suppressions)}` };
}

/** A check that ran on one side only compares with nothing. */
function sameChecks({ base, head }: Given['checks']): Finding {
  const id = 'checks.same';
  const names = (runs: readonly CheckRun[]): string => JSON.stringify(runs.map((run) => [run.name, run.runner]).sort());
  if (head.length === 0) return { id, holds: 'unknown', detail: 'No check ran, so nothing shows that the change works.' };
  if (new Set(head.map((run) => run.name)).size !== head.length) return { id, holds: 'unknown', broken: true, detail: 'Two runs have the name of one check.' };
  return names(base) === names(head)
    ? { id, holds: 'yes', detail: `${count(head.length, 'check')} ran on base and head.` }
    : { id, holds: 'unknown', broken: true, detail: 'Base and head did not run the same checks.' };
}

/** A change that says anew how a check by exit code runs proves nothing by that exit code. */
function sameDefinitions(definitions: readonly string[]): Finding {
  const id = 'checks.definition';
  return definitions.length === 0
    ? { id, holds: 'yes', detail: 'The change does not say how the checks run.' }
    : { id, holds: 'unknown', detail: `The change says how a check by exit code runs: ${definitions.slice(0, 5).join(', ')}.`.slice(0, 2000) };
}

/**
 * A head that hangs, runs out of memory or garbles the report where the base did not was made so by the change: `failed`. A sandbox
 * that was lost says nothing about the change: `error`. The base's own troubles leave nothing to compare with: `unverified`.
 */
function sideBelievable(side: 'base' | 'head', runs: readonly CheckRun[], base: readonly CheckRun[]): Finding {
  const id = `checks.believable.${side}`;
  const bad = runs.filter((run) => !believable(run));
  const detail = bad.map((run) => `"${run.name}" on the ${side}: ${run.problem ?? (run.reason === 'exited' ? 'no result' : run.reason)}`).join('; ').slice(0, 2000);
  if (runs.length === 0) return { id, holds: 'unknown', detail: `No check ran on the ${side}.` };
  if (bad.length === 0) return { id, holds: 'yes', detail: `Every report of the ${side} can be believed.` };
  if (bad.some((run) => run.reason === 'lost' || run.reason === 'killed')) return { id, holds: 'unknown', broken: true, detail };
  const byTheChange = bad.some((run) => believable(base.find((one) => one.name === run.name)));
  return side === 'head' && byTheChange ? { id, holds: 'no', detail } : { id, holds: 'unknown', detail };
}

/**
 * What a test judges by is part of the proof: a change after which `JSON.stringify` is another function, or a value equals everything, makes tests pass without mending anything.
 * What happens on the base too is the project's own way.
 */
function judgesKept({ base, head }: Given['checks']): Finding {
  const id = 'checks.judges_kept';
  const known = new Set(base.flatMap((run) => (run.meddled ?? []).map((what) => `${run.name}: ${what}`)));
  const fresh = head.flatMap((run) => (run.meddled ?? []).map((what) => `${run.name}: ${what}`)).filter((what) => !known.has(what));
  return fresh.length === 0
    ? { id, holds: 'yes', detail: 'Nothing is known to have changed what judges the tests while they ran.' }
    : { id, holds: 'no', detail: `With the change, what judges the tests was changed while they ran: ${fresh.slice(0, 5).join('; ')}.`.slice(0, 2000) };
}

/** Skipped and todo cases ran nothing. */
function somethingRan(head: readonly CheckRun[], cases: readonly CaseChange[]): Finding {
  const id = 'tests.ran';
  const passed = head.filter(believable).flatMap((run) => indexOf(head, run.name).all).filter((one) => one.status === 'passed').length;
  const still = cases.filter((c) => c.change === 'still_failing').length;
  return passed > 0
    ? { id, holds: 'yes', detail: `${count(passed, 'case')} ${passed === 1 ? 'passes' : 'pass'} at the head${still === 0 ? '' : `; ${still} fail as they did on the base`}.` }
    : { id, holds: 'unknown', detail: 'No case passes at the head, so nothing shows that the change works.' };
}

function listed(id: string, found: readonly CaseChange[], good: string, bad: readonly [one: string, more: string]): Finding {
  return found.length === 0 ? { id, holds: 'yes', detail: good } : { id, holds: 'no', detail: `${count(found.length, ...bad)}: ${found.slice(0, 5).map((c) => `${c.id}${c.flaky === true ? ' (flaky)' : ''}`).join('; ')}.`.slice(0, 2000) };
}
