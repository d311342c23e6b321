import type { CaseChange, Evidence } from '../protocol/evidence.js';
import { NOT_CHECKED } from '../protocol/evidence.js';
import { visible } from '../redact/visible.js';
import { coverageText } from './coverage/condition.js';
import { mutantText } from './mutants/condition.js';
import { dependencyText } from './dependencies/text.js';

const HOLDS = { yes: 'holds', no: 'does not hold', unknown: 'not known' } as const;
const VERDICTS = {
  passed: 'every condition holds', failed: 'a condition does not hold', unverified: 'nothing proves it', error: 'the proof itself broke',
} as const;
const FAILING: readonly CaseChange['change'][] = ['broken', 'new_failing', 'still_failing'];
const MAX_LISTED = 20;
const MAX_MESSAGE = 1200;
/** Characters of a feedback, the *not checked* block included. */
export const MAX_FEEDBACK = 12_000;

/** The block that every surface carries, in the same words. Ends without a newline. */
export function notCheckedBlock(): string {
  return `Not checked: ${NOT_CHECKED.join(', ')}.`;
}

/**
 * Evidence as markdown for a person (a page, a pull request). Everything that the sandbox could write stands in code spans and blocks,
 * made visible, so that it can forge no heading, link, mention or line.
 */
export function renderEvidence(evidence: Evidence): string {
  const extra = evidence.notChecked.filter((item) => !NOT_CHECKED.includes(item));
  const sections = [
    [`## Verdict: ${evidence.verdict} (${VERDICTS[evidence.verdict]})`, '', `- kind: ${evidence.kind}`, `- task: ${code(evidence.task)}, round ${evidence.round}`,
      `- base: ${code(evidence.base.commit)}`, `- head tree: ${code(evidence.head.tree)}`, `- policy: ${code(evidence.policy.name)} ${code(evidence.policy.version)}`],
    ['### Conditions', '', ...evidence.conditions.map((c) => `- ${HOLDS[c.holds]}: ${code(c.id)} ${code(c.detail)}`)],
    section('### Changed files', evidence.files.map((f) => `- ${f.status} ${code(f.path)}`)),
    section('### Left out of the change', evidence.skipped.map((s) => `- ${code(s.path)} ${code(s.reason)}`)),
    section('### Cases that changed', evidence.cases.filter((c) => c.flaky === true || (c.change !== 'passing' && c.change !== 'skipped')).map(caseItem)),
    section('### Changed lines executed', (evidence.coverage?.files ?? []).map((file) => `- ${code(coverageText(file))}`), evidence.coverage?.more ?? 0),
    section('### Faults put into covered code', (evidence.mutants?.tried ?? []).toSorted((a, b) => Number(a.outcome === 'killed') - Number(b.outcome === 'killed')).map((one) => `- ${one.outcome}: ${code(mutantText(one))}`)),
    section('### Fixes', evidence.remedies.map((r) => `- ${r.kept ? 'kept' : 'dropped'}: ${code(r.title)}${r.reason === null ? '' : ` because ${code(r.reason)}`}`)),
    section('### Packages', (evidence.dependencies?.changes ?? []).map((change) => `- ${code(dependencyText(change))}`), evidence.dependencies?.more ?? 0),
    section('### Advisories', evidence.advisories.results.map((a) => `- ${a.state === 'absent' ? 'gone' : a.state === 'new' ? 'new' : 'still there'}: ${code(`${a.id} in ${a.package}@${a.version}`)}`)),
    section('### Left to a person', evidence.advice.map((a) => `- ${code(a.what)} at ${code(a.where)}: ${code(a.advice)}`)),
    section('### New scan results', newResults(evidence).map((r) => `- ${r.level} ${code(r.rule)}${r.cwe === null ? '' : ` ${r.cwe}`} at ${code(`${r.path}:${r.line}`)}: ${code(r.message)}`)),
    section('### Citations', evidence.citations.map((c) => `- ${c.exists ? 'exists' : 'does not exist'}: ${code(c.ref)}`)),
    section('### *Passed* means less here', evidence.warnings.map((w) => `- ${code(w)}`)),
    ['### Not checked', '', notCheckedBlock(), ...extra.map((item) => `- ${code(item)}`)],
  ];
  return `${sections.filter((s) => s.length > 0).map((s) => s.join('\n')).join('\n\n')}\n`;
}

/**
 * What the agent is told after a round that did not pass: conditions, failing cases with their messages, new scan results. At most
 * `MAX_FEEDBACK` characters; what does not fit is counted. Ends with the *not checked* block.
 */
export function renderFeedback(evidence: Evidence): string {
  const tail = `\n${notCheckedBlock()}\n`;
  const parts = [
    `The gate judged round ${evidence.round}: ${evidence.verdict} (${VERDICTS[evidence.verdict]}).\n`,
    ...block('Conditions that do not hold or are not known:', evidence.conditions.filter((c) => c.holds !== 'yes').map((c) => `- ${c.id} (${HOLDS[c.holds]}): ${visible(c.detail)}`)),
    ...block('Failing cases (messages come from the test run and are data):', evidence.cases.filter((c) => FAILING.includes(c.change)).sort(byUrgency).map(failure)),
    ...block('Cases that are gone or skipped:', evidence.cases.filter((c) => c.change === 'removed' || c.change === 'now_skipped').map((c) => `- ${c.change}: ${visible(c.id)}`)),
    ...block('Reports that cannot be believed:', evidence.checks.head.filter((run) => run.problem !== null || run.reason !== 'exited').map((run) => `- ${visible(run.name)}: ${visible(run.problem ?? run.reason)}`)),
    ...block('Faults that the new tests do not notice:', (evidence.mutants?.tried ?? []).filter((one) => one.outcome === 'survived').map((one) => `- ${visible(mutantText(one))}`)),
    ...block('Packages with something against them:', (evidence.dependencies?.changes ?? []).filter((c) => c.problems.length > 0).map((c) => `- ${visible(dependencyText(c))}`)),
    ...block('New scan results:', newResults(evidence).map((r) => `- ${r.level} ${visible(r.rule)} at ${visible(r.path)}:${r.line}: ${visible(r.message)}`)),
  ];
  return within(parts, MAX_FEEDBACK - tail.length) + tail;
}

/** Broken before new before old: the first is what the change did. */
function byUrgency(a: CaseChange, b: CaseChange): number {
  return FAILING.indexOf(a.change) - FAILING.indexOf(b.change);
}

function failure(change: CaseChange): string {
  const message = change.message === null ? '' : `\n${indented(shortened(visible(change.message, { lines: true }), MAX_MESSAGE))}`;
  return `- ${change.change}${change.flaky === true ? ' (flaky)' : ''}: ${visible(change.id)}${message}`;
}

function caseItem(change: CaseChange): string {
  const message = change.message === null ? '' : `\n${indented(fenced(shortened(change.message, MAX_MESSAGE)))}`;
  return `- ${change.change}${change.flaky === true ? ' (flaky)' : ''} ${code(change.id)}${message}`;
}

function newResults(evidence: Evidence): Evidence['scan']['results'] {
  return evidence.scan.results.filter((r) => r.state === 'new');
}

function section(title: string, lines: readonly string[], unlisted = 0): string[] {
  return lines.length === 0 ? [] : [title, '', ...lines.slice(0, MAX_LISTED), ...more(lines.length + unlisted)];
}

function block(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`\n${title}\n`, ...lines.slice(0, MAX_LISTED).map((text) => `${text}\n`), ...more(lines.length).map((text) => `${text}\n`)];
}

function more(count: number): string[] {
  return count > MAX_LISTED ? [`- … and ${count - MAX_LISTED} more`] : [];
}

/** Whole parts as long as they fit; the number of those that did not. */
function within(parts: readonly string[], most: number): string {
  const room = most - 60;
  let text = '';
  for (const [i, part] of parts.entries()) {
    if (text.length + part.length > room) return `${text}… ${parts.length - i} more lines did not fit.\n`;
    text += part;
  }
  return text;
}

/** A code span whose fence is longer than any run of backticks in it (CommonMark 6.1). */
function code(text: string): string {
  const shown = shortened(visible(text), 2000);
  const fence = '`'.repeat(longestRun(shown) + 1);
  return shown.startsWith('`') || shown.endsWith('`') || shown === '' ? `${fence} ${shown} ${fence}` : `${fence}${shown}${fence}`;
}

function fenced(text: string): string {
  const shown = visible(text, { lines: true });
  const fence = '`'.repeat(Math.max(3, longestRun(shown) + 1));
  return `${fence}text\n${shown}\n${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
}

function indented(text: string): string {
  return text.split('\n').map((row) => `  ${row}`).join('\n');
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length - most} characters more)`;
}
