import pc from 'picocolors';
import type { Judged } from '../app/app.js';
import { coverageText } from '../gate/coverage/condition.js';
import { dependencyText } from '../gate/dependencies/text.js';
import { interfaceText } from '../gate/interface/condition.js';
import { mutantText } from '../gate/mutants/condition.js';
import { notCheckedBlock } from '../gate/report.js';
import { toolText } from '../gate/tools/text-of.js';
import { losesSecurityTests } from '../gate/security-tests.js';
import type { EventData } from '../protocol/event.js';
import type { Evidence, ScanResult } from '../protocol/evidence.js';
import { count } from '../protocol/words.js';
import type { Verdict } from '../protocol/task.js';
import { visible } from '../redact/visible.js';
import { stateOf, suppressionOf } from '../sarif/suppress.js';

type Colours = ReturnType<typeof pc.createColors>;
const MAX = 12;

/** The result of a task on one screen: verdict, proof, findings, what was not checked, what a person can do next. */
export function reportText(judged: Judged, task: string, decision: string | null, colour: boolean, overrides: readonly EventData<'override.recorded'>[] = []): string {
  const c = pc.createColors(colour);
  const { evidence } = judged;
  const verdict = judged.event.data.verdict;
  return [
    '', `${paint(c, verdict)(c.bold(verdict.toUpperCase()))}  ${c.bold(task)}  ${evidence.kind}, round ${evidence.round}${decision === null ? '' : `  (${decision})`}`,
    '', ...section(c, 'taken on', overrides.map((one) => `${one.of === undefined ? `what is ${one.verdict}` : 'what security tests lose'}, by ${visible(one.by)}: ${visible(one.reason)}`)),
    ...section(c, 'proof', proof(evidence)),
    ...section(c, 'conditions', evidence.conditions.map((k) => `${MARKS[k.holds]} ${visible(k.detail)}${k.accepted === true ? ' (accepted by the policy)' : ''}`), 40),
    ...section(c, 'changed', evidence.files.map((f) => `${f.status.padEnd(8)} ${visible(f.path)}`)),
    ...section(c, 'executed', (evidence.coverage?.files ?? []).map((f) => visible(coverageText(f)))),
    ...section(c, 'interface', (evidence.interface?.changes ?? []).map((one) => `${one.state.padEnd(8)} ${visible(interfaceText(one))}`)),
    ...section(c, 'faults', faults(evidence)),
    ...section(c, 'fixes', remedies(c, evidence), 40),
    ...section(c, 'packages', packagesOf(evidence), 30),
    ...section(c, 'advisories', advisories(evidence)),
    ...section(c, 'findings', findings(evidence)),
    ...section(c, 'tools', tools(evidence), 30),
    ...section(c, 'suppressed', (evidence.suppressions?.list ?? []).map((one) => `${visible(one.rule)} in ${visible(one.path)}: ${stateOf(one, evidence.suppressions?.at ?? '')}, because ${visible(one.reason)}`)),
    ...section(c, 'for you', evidence.advice.map((a) => `${visible(a.what)} at ${visible(a.where)}: ${visible(a.advice)}`)),
    ...section(c, 'left out', evidence.skipped.map((s) => `${visible(s.path)}: ${visible(s.reason)}`)),
    ...section(c, 'reviewer', (evidence.findings ?? []).map((f) => `${f.reproduced === 'reproduced' ? c.red('reproduced') : f.reproduced.replaceAll('_', ' ')}  ${f.severity}: ${visible(f.title)} at ${visible(f.place)}${f.exists ? '' : ' (no such place)'}`), 40),
    ...section(c, 'citations', evidence.citations.map((k) => `${k.exists ? '✓' : '✗ does not exist:'} ${visible(k.ref)}`)),
    ...section(c, 'means less', evidence.warnings.map((w) => `! ${visible(w)}`)),
    c.dim(notCheckedBlock()),
    c.dim(`Also not: ${visible(evidence.notChecked.filter((n) => !notCheckedBlock().includes(n)).join(', '))}.`),
    c.dim(`Evidence ${judged.event.data.evidence.digest}`), '',
    ...next(verdict, evidence, task),
  ].join('\n');
}

const MARKS = { yes: '✓', no: '✗', unknown: '?' } as const;

function paint(c: Colours, verdict: Verdict): (text: string) => string {
  return verdict === 'passed' ? c.green : verdict === 'unverified' ? c.yellow : c.red;
}

function section(c: Colours, title: string, lines: readonly string[], max = MAX): string[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(0, max).map((l, i) => `${i === 0 ? c.bold(title.padEnd(11)) : ' '.repeat(11)} ${l}`);
  return [...shown, ...(lines.length > max ? [`${' '.repeat(11)} … and ${lines.length - max} more`] : []), ''];
}

function proof(evidence: Evidence): string[] {
  const words: Readonly<Record<string, string>> = { fixed: 'red → green', broken: 'green → red', removed: 'gone', now_skipped: 'now skipped', new_passing: 'new, green', new_failing: 'new, red', still_failing: 'red → red' };
  const order = Object.keys(words);
  const changed = evidence.cases.filter((k) => words[k.change] !== undefined).sort((a, b) => order.indexOf(a.change) - order.indexOf(b.change));
  const same = evidence.cases.filter((k) => k.change === 'passing').length;
  return [...changed.map((k) => `${(words[k.change] as string).padEnd(12)} ${visible(k.id)}${k.flaky === true ? ' (flaky)' : ''}`), ...(same > 0 ? [`${count(same, 'case')} green before and after`] : [])];
}

/** What was not noticed comes first: it is what a person can do something about. */
function faults({ mutants }: Evidence): string[] {
  const words = ['survived', 'killed', 'stopped', 'unclear'] as const;
  return words.flatMap((word) => (mutants?.tried ?? []).filter((one) => one.outcome === word).map((one) => `${word.padEnd(8)} ${visible(mutantText(one))}`));
}

function remedies(c: Colours, evidence: Evidence): string[] {
  return [...evidence.remedies].sort((a, b) => Number(b.kept) - Number(a.kept)).map((r) => (r.kept ? `${c.green('kept')}     ${visible(r.title)}` : `${c.yellow('dropped')}  ${visible(r.title)}\n${' '.repeat(21)}because ${visible(r.reason ?? '')}`));
}

function packagesOf({ dependencies }: Evidence): string[] {
  if (dependencies === null || dependencies === undefined) return [];
  return [...dependencies.changes.map((change) => visible(dependencyText(change))), ...(dependencies.more === 0 ? [] : [`… and ${dependencies.more} that are not listed`])];
}

function advisories({ advisories: a }: Evidence): string[] {
  if (a.source === null) return [];
  const of = (state: string): string[] => a.results.filter((r) => r.state === state).map((r) => `${r.package}@${r.version} ${r.id}${r.severity === null ? '' : ` (${r.severity})`}`);
  const lines = [...of('new').map((l) => `new   ${visible(l)}`), ...of('absent').map((l) => `gone  ${visible(l)}`), ...of('unchanged').map((l) => `still ${visible(l)}`)];
  return [...lines, `${a.problem === null ? '' : `${visible(a.problem)}; `}from ${visible(a.source)}, newest record ${a.newest?.slice(0, 10) ?? 'undated'}${a.ageDays === null ? '' : `, ${count(a.ageDays, 'day')} old`}`];
}

function findings(evidence: Evidence): string[] {
  const fresh = evidence.scan.results.filter((r) => r.state === 'new');
  const gone = evidence.scan.results.filter((r) => r.state === 'absent').length;
  const old = evidence.scan.results.filter((r) => r.state === 'unchanged').length;
  return [...fresh.map((r) => newResult(r, evidence)), `${fresh.length} new, ${gone} gone, ${old} there before`];
}

function tools(evidence: Evidence): string[] {
  return (evidence.tools ?? []).flatMap((tool) => [visible(toolText(tool)), ...tool.results.filter((r) => r.state === 'new').map((r) => newResult(r, evidence))]);
}

function newResult(r: ScanResult, { suppressions }: Evidence): string {
  const held = suppressionOf(r, suppressions);
  return `new ${r.level}${held === null ? '' : `, suppressed until ${held.until}`}: ${visible(r.rule)} ${visible(r.path)}:${r.line} ${visible(r.message).slice(0, 120)}`;
}

function next(verdict: Verdict, evidence: Evidence, task: string): string[] {
  if (evidence.files.length === 0) return [];
  const lines = [`sallyport diff ${task}`];
  if (verdict === 'passed') lines.push(`sallyport approve ${task}`, `sallyport apply ${task}`);
  else lines.push(`sallyport apply ${task} --accept "REASON"${losesSecurityTests(evidence) ? ' --accept-security-tests "REASON"' : ''}   (only if you take it on yourself)`);
  return lines.map((l, i) => `${i === 0 ? 'next:' : '     '} ${l}`);
}
