import type { Evidence, Remedy, Target } from '../protocol/evidence.js';
import { count } from '../protocol/words.js';
import type { Finding } from './conditions.js';

type Given = Pick<Evidence, 'scan' | 'advisories' | 'remedies' | 'files'>;

/**
 * What proves the work of the remediator. With a change: every target of every kept remedy was there on the base and is gone at the
 * head, by the gate's own scan and advisories. Without one: nothing that could have been tried is left.
 */
export function remediesConditions(evidence: Given): readonly Finding[] {
  return [evidence.files.length > 0 ? targetsGone(evidence) : nothingLeft(evidence)];
}

function targetsGone({ scan, advisories, remedies }: Given): Finding {
  const id = 'proof.targets_gone';
  const targets = remedies.filter((r) => r.kept).flatMap((r) => r.targets);
  if (targets.length === 0) return { id, holds: 'no', detail: 'The change has no target, so nothing shows what it is for.' };
  const remaining = targets.filter((t) => !isGone(t, { scan, advisories }));
  return remaining.length === 0
    ? { id, holds: 'yes', detail: `Of the base ${amount(targets)} ${targets.length === 1 ? 'is' : 'are'} gone: ${targets.slice(0, 8).map(targetName).join('; ')}.`.slice(0, 2000) }
    : { id, holds: 'no', detail: `${remaining.length} of ${targets.length} findings and advisories are still there: ${remaining.slice(0, 5).map(targetName).join('; ')}.`.slice(0, 2000) };
}

function amount(targets: readonly Target[]): string {
  const of = (kind: Target['kind']): number => targets.filter((t) => t.kind === kind).length;
  return [...(of('finding') > 0 ? [count(of('finding'), 'finding')] : []), ...(of('advisory') > 0 ? [count(of('advisory'), 'advisory', 'advisories')] : [])].join(' and ');
}

/** True when the target was seen on the base and is not seen at the head. Not knowing is false. */
export function isGone(target: Target, { scan, advisories }: Pick<Evidence, 'scan' | 'advisories'>): boolean {
  if (target.kind === 'finding') return scan.ran && scan.problem === null && scan.results.some((r) => r.fingerprint === target.fingerprint && r.rule === target.rule && r.state === 'absent');
  const same = advisories.results.filter((r) => r.id === target.id && r.package === target.package && r.version === target.version);
  return advisories.problem === null && same.length > 0 && same.every((r) => r.state === 'absent');
}

/** `js/x at src/a.js:7`, or `GHSA-… in lodash@4.17.15`. */
export function targetName(target: Target): string {
  return target.kind === 'finding' ? `${target.rule} at ${target.path}:${target.line}` : `${target.id} in ${target.package}@${target.version}`;
}

function nothingLeft({ scan, advisories, remedies }: Given): Finding {
  const id = 'remedies.none_left';
  const problem = scan.problem ?? advisories.problem;
  if (remedies.length > 0) return { id, holds: 'no', detail: `${count(remedies.length, 'fix was', 'fixes were')} tried and none could be kept: ${remedies.slice(0, 3).map(dropped).join('; ')}.`.slice(0, 2000) };
  if (!scan.ran || problem !== null) return { id, holds: 'unknown', detail: `What there is to mend is not known: ${problem ?? 'the scan did not run'}.`.slice(0, 2000) };
  return { id, holds: 'yes', detail: 'No finding and no advisory has a mechanical fix, so there is nothing to do.' };
}

function dropped(remedy: Remedy): string {
  return `${remedy.title} (${remedy.reason ?? 'no reason given'})`;
}

/** For `upgrade` by whom ever: an advisory that held on the base holds no more. */
export function advisoryGone({ advisories }: Pick<Evidence, 'advisories'>): Finding {
  const id = 'advisory.gone';
  const of = (state: string): string[] => advisories.results.filter((r) => r.state === state).map((r) => `${r.id} in ${r.package}@${r.version}`);
  const [gone, left] = [of('absent'), of('unchanged')];
  if (advisories.source === null) return { id, holds: 'unknown', detail: 'No advisories are configured, so nothing shows that one is gone.' };
  if (advisories.problem !== null) return { id, holds: 'unknown', detail: `The advisories do not count: ${advisories.problem}.`.slice(0, 2000) };
  if (gone.length > 0) return { id, holds: 'yes', detail: `Gone: ${gone.slice(0, 8).join('; ')}.${left.length === 0 ? '' : ` ${left.length} are still there.`}`.slice(0, 2000) };
  return left.length > 0
    ? { id, holds: 'no', detail: `No advisory is gone; still there: ${left.slice(0, 8).join('; ')}.`.slice(0, 2000) }
    : { id, holds: 'unknown', detail: 'No known advisory applies to the base, so an upgrade has nothing to prove.' };
}

/** That the change brought in no version with a known advisory. Nothing is claimed where no advisories are configured. */
export function advisoriesConditions({ advisories }: Pick<Evidence, 'advisories'>): readonly Finding[] {
  if (advisories.source === null) return [];
  const id = 'advisories.none_new';
  const fresh = advisories.results.filter((r) => r.state === 'new');
  if (fresh.length > 0) return [{ id, holds: 'no', detail: `The change brings ${fresh.slice(0, 5).map((r) => `${r.package}@${r.version} (${r.id})`).join(', ')}.`.slice(0, 2000) }];
  if (advisories.problem !== null) return [{ id, holds: 'unknown', detail: `The advisories do not count: ${advisories.problem}.`.slice(0, 2000) }];
  return [{ id, holds: 'yes', detail: `No version with a known advisory was added (newest record ${advisories.newest?.slice(0, 10) ?? 'undated'}${advisories.ageDays === null ? '' : `, ${count(advisories.ageDays, 'day')} old`}).` }];
}
