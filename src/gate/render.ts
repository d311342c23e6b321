import type { CaseChange, Evidence } from '../protocol/evidence.js';
import { visible } from '../redact/visible.js';
import { mutantText } from './mutants/condition.js';
import { decisive } from '../sarif/suppress.js';
import { dependencyText } from './dependencies/text.js';
import { HOLDS, type Item, newResults, notCheckedBlock, type Part, reportOf, type Section, VERDICTS } from './report.js';

const FAILING: readonly CaseChange['change'][] = ['broken', 'new_failing', 'still_failing'];
const MAX_LISTED = 20;
const MAX_MESSAGE = 1200;
/** Characters of a feedback, the *not checked* block included. */
export const MAX_FEEDBACK = 12_000;

/**
 * Evidence as markdown for a person (a page, a pull request). Everything that the sandbox could write stands in code spans and blocks,
 * made visible, so that it can forge no heading, link, mention or line.
 */
export function renderEvidence(evidence: Evidence): string {
  const { verdict, meaning, facts, sections, notChecked, notCheckedToo } = reportOf(evidence);
  const parts = [
    [`## Verdict: ${verdict} (${meaning})`, '', ...facts.map(([name, ...value]) => `- ${name}: ${value.map(part).join('')}`)],
    ...sections.map(section),
    ['### Not checked', '', notChecked, ...notCheckedToo.map((item) => `- ${code(item)}`)],
  ];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
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
    ...block('New scan results:', [...newResults(evidence), ...(evidence.tools ?? []).flatMap((tool) => tool.results.filter((r) => r.state === 'new'))].filter((r) => decisive(r, evidence.suppressions)).map((r) => `- ${r.level} ${visible(r.rule)} at ${visible(r.path)}:${r.line}: ${visible(r.message)}`)),
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

function section({ title, items, unlisted = 0 }: Section): string[] {
  return [`### ${title}`, '', ...items.slice(0, MAX_LISTED).map(item), ...more(items.length + unlisted)];
}

function item({ parts, block }: Item): string {
  return `- ${parts.map(part).join('')}${block === undefined ? '' : `\n${indented(fenced(shortened(block, MAX_MESSAGE)))}`}`;
}

function part(one: Part): string {
  return typeof one === 'string' ? one : code(one.theirs);
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
