import type { CaseChange, Condition, Evidence, ScanResult } from '../protocol/evidence.js';
import { NOT_CHECKED } from '../protocol/evidence.js';
import type { ReviewedFinding } from '../protocol/review.js';
import type { Verdict } from '../protocol/task.js';
import { stateOf, suppressionOf } from '../sarif/suppress.js';
import { coverageText } from './coverage/condition.js';
import { dependencyText } from './dependencies/text.js';
import { interfaceText } from './interface/condition.js';
import { mutantText } from './mutants/condition.js';
import { toolText } from './tools/text-of.js';

/** A piece of a line: Sallyport's own words, or text that others could write (names, messages), which every form sets apart and escapes. */
export type Part = string | { readonly theirs: string; /** Sentences, and not a name or a place. */ readonly prose?: true };

export interface Item {
  readonly parts: readonly Part[];
  /** More of theirs, of several lines. */
  readonly block?: string;
  /** What it means for the verdict; absent = nothing by itself. */
  readonly tone?: 'good' | 'bad' | 'open';
}

export interface Section {
  readonly title: string;
  readonly items: readonly Item[];
  /** Items that the evidence counts and does not hold. */
  readonly unlisted?: number;
}

/** What a person is shown of evidence, in order, whatever the form. Sections without items are left out. */
export interface Report {
  readonly verdict: Verdict;
  readonly meaning: string;
  /** Facts about the task, by name. */
  readonly facts: readonly (readonly [name: string, ...value: Part[]])[];
  readonly sections: readonly Section[];
  /** The block that every surface carries, in the same words. */
  readonly notChecked: string;
  readonly notCheckedToo: readonly string[];
}

export const HOLDS: Readonly<Record<Condition['holds'], string>> = { yes: 'holds', no: 'does not hold', unknown: 'not known' };
export const VERDICTS: Readonly<Record<Verdict, string>> = {
  passed: 'every condition holds', failed: 'a condition does not hold', unverified: 'nothing proves it', error: 'the proof itself broke',
};
const TONES = { yes: 'good', no: 'bad', unknown: 'open' } as const;
/** What nobody noticed first: a person can do something about it. */
const FAULTS: readonly string[] = ['survived', 'killed', 'stopped', 'unclear'];
const GOOD: readonly CaseChange['change'][] = ['fixed', 'new_passing'];
/** Listed only where they are flaky. */
const NOT_FAILING: readonly CaseChange['change'][] = [...GOOD, 'passing', 'skipped'];

/** Ends without a newline. */
export function notCheckedBlock(): string {
  return `Not checked: ${NOT_CHECKED.join(', ')}.`;
}

export function reportOf(evidence: Evidence): Report {
  const { remedies, dependencies, advisories, advice, citations, warnings } = evidence;
  const sections: readonly Section[] = [
    { title: 'Conditions', items: inOrder(evidence.conditions).map((c) => ({ parts: [`${HOLDS[c.holds]}${c.accepted === true ? ' (accepted by the policy)' : ''}: `, theirs(c.id), ' ', prose(c.detail)], tone: TONES[c.holds] })) },
    { title: 'Changed files', items: (evidence.subject ?? evidence).files.map((f) => ({ parts: [`${f.status} `, theirs(f.path)] })) },
    { title: 'Left out of the change', items: evidence.skipped.map((s) => ({ parts: [theirs(s.path), ' ', prose(s.reason)] })) },
    { title: 'Cases that changed', items: evidence.cases.filter((c) => c.flaky === true || (c.change !== 'passing' && c.change !== 'skipped')).map(caseItem) },
    { title: 'Changed lines executed', items: (evidence.coverage?.files ?? []).map((f) => ({ parts: [theirs(coverageText(f))], ...(f.executable === null || f.executable === f.executed ? {} : { tone: 'open' as const }) })), unlisted: evidence.coverage?.more ?? 0 },
    { title: 'Public interface', items: (evidence.interface?.changes ?? []).map((one) => ({ parts: [`${one.state}: `, theirs(interfaceText(one))], ...(one.state === 'added' ? {} : { tone: 'open' as const }) })), unlisted: unlistedNames(evidence) },
    { title: 'Faults put into covered code', items: (evidence.mutants?.tried ?? []).toSorted((a, b) => FAULTS.indexOf(a.outcome) - FAULTS.indexOf(b.outcome)).map((one) => ({ parts: [`${one.outcome}: `, theirs(mutantText(one))], ...(one.outcome === 'killed' ? { tone: 'good' as const } : one.outcome === 'survived' ? { tone: 'open' as const } : {}) })) },
    { title: 'Fixes', items: remedies.map((r) => ({ parts: [`${r.kept ? 'kept' : 'dropped'}: `, prose(r.title), ...(r.reason === null ? [] : [' because ', prose(r.reason)])], tone: r.kept ? 'good' : 'open' })) },
    { title: 'Packages', items: (dependencies?.changes ?? []).map((change) => ({ parts: [theirs(dependencyText(change))], ...(change.problems.length === 0 ? {} : { tone: change.problems.some((p) => p.holds === 'no') ? ('bad' as const) : ('open' as const) }) })), unlisted: dependencies?.more ?? 0 },
    { title: 'Advisories', items: advisories.results.map((a) => ({ parts: [`${a.state === 'absent' ? 'gone' : a.state === 'new' ? 'new' : 'still there'}: `, theirs(`${a.id} in ${a.package}@${a.version}`)], ...(a.state === 'unchanged' ? {} : { tone: a.state === 'new' ? ('bad' as const) : ('good' as const) }) })) },
    { title: 'Left to a person', items: advice.map((a) => ({ parts: [prose(a.what), ' at ', theirs(a.where), ': ', prose(a.advice)] })) },
    { title: 'New scan results', items: newResults(evidence).map((r) => resultItem(r, evidence)) },
    { title: 'Tools of the project', items: (evidence.tools ?? []).map((tool) => ({ parts: [theirs(toolText(tool))] })) },
    { title: 'New findings of tools', items: (evidence.tools ?? []).flatMap((tool) => tool.results).filter((r) => r.state === 'new').map((r) => resultItem(r, evidence)), unlisted: (evidence.tools ?? []).reduce((sum, tool) => sum + tool.unlisted.new, 0) },
    { title: 'Suppressions', items: (evidence.suppressions?.list ?? []).map((one) => ({ parts: [theirs(`${one.rule} in ${one.path}`), `: ${stateOf(one, evidence.suppressions?.at ?? '')}, because `, prose(one.reason), ...(one.by === undefined ? [] : [' by ', theirs(one.by)])] })) },
    { title: 'Findings of the reviewing model', items: (evidence.findings ?? []).map(findingItem) },
    { title: 'Citations', items: citations.map((c) => ({ parts: [`${c.exists ? 'exists' : 'does not exist'}: `, theirs(c.ref)], tone: c.exists ? 'good' : 'bad' })) },
    { title: '*Passed* means less here', items: warnings.map((w) => ({ parts: [prose(w)] })) },
  ];
  return {
    verdict: evidence.verdict, meaning: VERDICTS[evidence.verdict],
    facts: [
      ['kind', evidence.kind], ['task', theirs(evidence.task), `, round ${evidence.round}`], ['base', theirs(evidence.base.commit), ...(evidence.baseline === undefined ? [] : [`, measured at ${evidence.baseline.at.slice(0, 16).replace('T', ' ')} UTC by `, theirs(evidence.baseline.run)])],
      ...(evidence.subject === undefined ? [] : [['reviewed tree', theirs(evidence.subject.tree)] as const]), ['head tree', theirs(evidence.head.tree)], ['policy', theirs(evidence.policy.name), ' ', theirs(evidence.policy.version)],
    ],
    sections: sections.filter((s) => s.items.length > 0), notChecked: notCheckedBlock(), notCheckedToo: evidence.notChecked.filter((item) => !NOT_CHECKED.includes(item)),
  };
}

function unlistedNames({ interface: offered }: Evidence): number {
  return offered === undefined ? 0 : offered.counts.removed + offered.counts.changed + offered.counts.added - offered.changes.length;
}

export function newResults(evidence: Evidence): Evidence['scan']['results'] {
  return evidence.scan.results.filter((r) => r.state === 'new');
}

function resultItem(r: ScanResult, { suppressions }: Evidence): Item {
  const held = suppressionOf(r, suppressions);
  return {
    parts: [`${r.level} `, theirs(r.rule), ...(r.cwe === null ? [] : [` ${r.cwe}`]), ' at ', theirs(`${r.path}:${r.line}`), ': ', prose(r.message), ...(held === null ? [] : [`, suppressed until ${held.until} because `, prose(held.reason)])],
    tone: r.level === 'note' || held !== null ? 'open' : 'bad',
  };
}

function caseItem({ change, id, message, flaky }: CaseChange): Item {
  return { parts: [`${change}${flaky === true ? ' (flaky)' : ''} `, theirs(id)], ...(message === null ? {} : { block: message }), tone: GOOD.includes(change) && flaky !== true ? 'good' : change === 'still_failing' || NOT_FAILING.includes(change) ? 'open' : 'bad' };
}

const REPRODUCED: Readonly<Record<ReviewedFinding['reproduced'], string>> = {
  reproduced: 'reproduced in a sandbox', not_reproduced: 'its proof does not succeed', also_on_base: 'its proof succeeds on the base too, so it tells nothing of the change', not_tried: 'the model\'s word alone',
};

function findingItem({ severity, title, cwe, place, exists, why, remedy, reproduced }: ReviewedFinding): Item {
  return {
    parts: [`${severity}, ${REPRODUCED[reproduced]}: `, prose(title), ...(cwe === null ? [] : [` ${cwe}`]), ' at ', theirs(place), exists ? '' : ' (there is no such place)'], block: `${why}\nTo mend it: ${remedy}`,
    tone: reproduced === 'reproduced' ? 'bad' : 'open',
  };
}

/** What stands against a change first. */
function inOrder(conditions: readonly Condition[]): readonly Condition[] {
  const order: readonly Condition['holds'][] = ['no', 'unknown', 'yes'];
  return order.flatMap((holds) => conditions.filter((c) => c.holds === holds));
}

function prose(text: string): Part {
  return { theirs: text, prose: true };
}

function theirs(text: string): Part {
  return { theirs: text };
}
