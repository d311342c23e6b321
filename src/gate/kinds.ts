import { count } from '../protocol/words.js';
import type { Evidence } from '../protocol/evidence.js';
import type { Finding } from './conditions.js';
import { interfaceConditions } from './interface/condition.js';
import { mutantsCondition } from './mutants/condition.js';
import { advisoryGone, remediesConditions } from './remedies.js';
import { indexOf } from './compare.js';
import { believable, wasRed } from './proof.js';
import { REMOVED_DEFENCE } from '../sarif/defences.js';
import { decisive } from '../sarif/suppress.js';
import { isTestFile } from './test-files.js';

type Given = Pick<Evidence, 'kind' | 'agent' | 'checks' | 'cases' | 'files' | 'scan' | 'advisories' | 'remedies' | 'mutants' | 'interface' | 'suppressions'>;

/** What proves the work itself, beyond that nothing else broke. */
export function provenBy(evidence: Given): readonly Finding[] {
  if (evidence.agent === 'remediator') return remediesConditions(evidence);
  switch (evidence.kind) {
    case 'fix':
      return [redBefore(evidence), oldTestsHold(evidence)];
    case 'feature':
      return [newRed(evidence)];
    case 'refactor':
      return [testsUntouched(evidence), guardsKept(evidence), ...interfaceConditions(evidence)];
    case 'test':
      return [mutantsCondition(evidence)];
    case 'upgrade':
      return [advisoryGone(evidence)];
    case 'review':
    case 'ask':
      return [];
    default:
      return evidence.kind satisfies never;
  }
}

function redBefore({ cases, checks, files }: Given): Finding {
  const id = 'proof.red_before';
  const changed = files.map((f) => f.path);
  const proven = cases.filter((c) => wasRed(c, checks, changed));
  if (proven.length > 0) return { id, holds: 'yes', detail: `${count(proven.length, 'case')} ${proven.length === 1 ? 'was red before and is' : 'were red before and are'} green now: ${proven.slice(0, 5).map((c) => c.id).join('; ')}.`.slice(0, 2000) };
  return { id, holds: noProof(cases), detail: `No case was red before and is green now, so nothing shows that the fault is gone.${byChance(cases)}` };
}

/**
 * A test that the change rewrote until it passes mends nothing: what the base's own test says of the head's code counts. Where that test passed on the base, the change may
 * rightly have changed what is expected, and a person has to say so.
 */
function oldTestsHold({ checks, files }: Given): Finding {
  const id = 'proof.old_tests_hold';
  const edited = files.filter((f) => f.status !== 'added' && isTestFile(f.path)).map((f) => f.path);
  if (edited.length === 0) return { id, holds: 'yes', detail: 'The tests of the base were not edited.' };
  const old = checks.old ?? [];
  const untold = checks.head.filter((run) => run.runner !== 'command' || believable(run)).filter((run) => !believable(old.find((one) => one.name === run.name))).map((run) => run.name);
  if (old.length === 0 || untold.length > 0) return { id, holds: 'unknown', detail: `The tests that the change edits could not be run in the base's words over the change's code: ${(untold.length > 0 ? untold : edited).slice(0, 5).join(', ')}.`.slice(0, 2000) };
  const failing = checks.head.flatMap((run) => {
    const [before, after] = [indexOf(checks.base, run.name), indexOf(checks.head, run.name)];
    return indexOf(old, run.name).all.filter((one) => one.status === 'failed' && after.find(one.id)?.status !== 'failed').map((one) => ({ id: one.id, red: before.find(one.id)?.status === 'failed' }));
  });
  if (failing.length === 0) return { id, holds: 'yes', detail: 'The tests that the change edits pass in the words of the base too.' };
  const red = failing.some((one) => one.red);
  return { id, holds: red ? 'no' : 'unknown', detail: `${count(failing.length, 'case')} ${failing.length === 1 ? 'passes' : 'pass'} only as the change rewrote ${failing.length === 1 ? 'it' : 'them'}: ${failing.slice(0, 5).map((one) => one.id).join('; ')}.`.slice(0, 2000) };
}

function newRed({ cases, checks, files }: Given): Finding {
  const id = 'proof.new_cases_red_on_base';
  const changed = files.map((f) => f.path);
  const fresh = cases.filter((c) => c.change === 'new_passing');
  const proven = fresh.filter((c) => wasRed(c, checks, changed));
  if (proven.length > 0) return { id, holds: 'yes', detail: `${proven.length} of ${fresh.length} new cases are red on the base and green now.` };
  return { id, holds: noProof(cases), detail: fresh.length === 0 ? 'No new case passes, so nothing shows that the feature is there.' : `None of ${fresh.length} new cases is known to be red on the base.${byChance(cases)}` };
}

function byChance(cases: Given['cases']): string {
  const flaky = cases.filter((c) => c.flaky === true && (c.change === 'fixed' || c.change === 'new_passing'));
  return flaky.length === 0 ? '' : ` Flaky, so no proof: ${flaky.slice(0, 5).map((c) => c.id).join('; ')}.`.slice(0, 1800);
}

/** A case that still fails is the fault that was to be mended, as far as anybody knows; without one it is only not shown. */
function noProof(cases: Given['cases']): 'no' | 'unknown' {
  return cases.some((c) => c.change === 'still_failing') ? 'no' : 'unknown';
}

/** Cases of one name prove the same thing only while their files are the same; new test files may come along. */
function testsUntouched({ files }: Given): Finding {
  const id = 'proof.same_cases';
  const edited = files.filter((f) => f.status !== 'added' && isTestFile(f.path)).map((f) => f.path);
  return edited.length === 0
    ? { id, holds: 'yes', detail: 'The tests are those of the base.' }
    : { id, holds: 'unknown', detail: `The change edits tests, so the same names need not mean the same cases: ${edited.slice(0, 5).join(', ')}.`.slice(0, 2000) };
}

/** The same behaviour has the same guards: what elsewhere is a note counts here too, and a person says whether a check that is gone went elsewhere. */
function guardsKept({ scan, suppressions }: Given): Finding {
  const id = 'proof.guards_kept';
  const gone = scan.results.filter((one) => one.rule === REMOVED_DEFENCE && one.state === 'new' && decisive(one, suppressions));
  const places = gone.slice(0, 5).map((one) => `${one.path}:${one.line}: ${one.message.replace(/\.$/, '')}`).join('; ');
  if (gone.length > 0) return { id, holds: gone.some((one) => one.level !== 'note') ? 'no' : 'unknown', detail: `${count(gone.length, 'defence')} ${gone.length === 1 ? 'is' : 'are'} gone, and nothing shows that another stands there instead: ${places}.`.slice(0, 2000) };
  if (!scan.ran || scan.problem !== null) return { id, holds: 'unknown', detail: 'The guards of base and head could not be compared, for the scan does not count.' };
  return { id, holds: 'yes', detail: 'No guard, sanitizer or early end of a function is known to be gone.' };
}
