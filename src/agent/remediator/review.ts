import type { AdvisoryResult } from '../../protocol/evidence.js';
import { count } from '../../protocol/words.js';
import type { Level, RuleMeta } from '../../sarif/model.js';
import type { Plan } from './candidates.js';

/** One finding, of a tree or new in a change. */
export interface ReviewedResult {
  readonly rule: string;
  readonly level: Level;
  readonly message: string;
  readonly path: string;
  readonly line: number;
  readonly cwe: string | null;
}

export interface Reviewed {
  readonly results: readonly ReviewedResult[];
  readonly hits: readonly Omit<AdvisoryResult, 'state'>[];
  /** What `fix` would try. */
  readonly plan: Plan;
  /** Why advisories say nothing here; null when they do. */
  readonly unlooked: string | null;
  /** What the rules say of themselves, by id. */
  readonly rules: ReadonlyMap<string, RuleMeta>;
  /** Where a change is reviewed and not a whole tree: `results` and `hits` are what it brings. */
  readonly change: ReviewedChange | null;
}

export interface ReviewedChange {
  readonly files: number;
  /** Findings of the base that are not there any more. */
  readonly gone: readonly ReviewedResult[];
  /** What it does to packages, a line each. */
  readonly packages: readonly string[];
}

const SEVERITIES = ['Critical', 'High', 'Medium', 'Low', 'Less certain'] as const;
type Severity = (typeof SEVERITIES)[number];
const MAX = 200;

/**
 * The report of a review without a model: every finding by severity with its class, place, reason and remedy, and every known advisory.
 * `citations` are the places it names, which the gate looks up in the tree that was reviewed.
 */
export function reviewReport(reviewed: Reviewed): { readonly text: string; readonly citations: readonly string[] } {
  const { results, rules, change } = reviewed;
  const ordered = SEVERITIES.flatMap((severity) => results.filter((r) => severityOf(r, rules) === severity));
  const shown = ordered.slice(0, MAX);
  const fixable = new Set(reviewed.plan.candidates.flatMap((c) => c.targets.flatMap((t) => (t.kind === 'finding' ? [placeOf(t)] : [`${t.id} ${t.package}@${t.version}`]))));
  const left = results.length - shown.length;
  const parts = [
    headline(reviewed, shown.length),
    ...SEVERITIES.flatMap((severity) => severitySection(severity, shown.filter((r) => severityOf(r, rules) === severity), rules, fixable)),
    ...advisorySection(reviewed.hits, fixable),
    ...(change === null || change.packages.length === 0 ? [] : [`## Packages (${change.packages.length})\n`, change.packages.slice(0, MAX).map((line) => `- ${line}\n`).join('')]),
    ...(change === null || change.gone.length === 0 ? [] : [`## Gone with the change (${change.gone.length})\n`, change.gone.slice(0, MAX).map((r) => `- ${r.rule}${classOf(r)} at ${r.path}:${r.line}\n`).join('')]),
    ...(left > 0 ? [`And ${left} more, in the SARIF of the run.\n`] : []),
  ];
  return { text: parts.join('\n'), citations: [...new Set(shown.map((r) => `${r.path}:${r.line}`))] };
}

function headline({ results, hits, unlooked, change }: Reviewed, shown: number): string {
  const [finding, advisory] = change === null ? ['finding', 'known advisory'] : ['new finding', 'new advisory'];
  const known = unlooked === null ? count(hits.length, advisory, advisory.replace(/y$/, 'ies')) : `no look at known advisories (${unlooked})`;
  const what = change === null ? '' : `In ${count(change.files, 'changed file')}: `;
  return `${what}${count(results.length, finding)} and ${known}.${shown === 0 ? ' The rules found nothing; that says nothing about what they cannot see.' : ''}\n`;
}

/** What a rule is unsure of stands apart, however bad it would be. Bands of CVSS 3.1, section 5, over the rule's `security-severity`. */
function severityOf({ rule, level }: ReviewedResult, rules: Reviewed['rules']): Severity {
  if (level === 'note') return 'Less certain';
  const score = rules.get(rule)?.severity ?? (level === 'error' ? 7 : 4);
  return score >= 9 ? 'Critical' : score >= 7 ? 'High' : score >= 4 ? 'Medium' : 'Low';
}

/** Places under the rule that found them, so that the reason and the remedy are said once. */
function severitySection(severity: Severity, results: readonly ReviewedResult[], rules: Reviewed['rules'], fixable: ReadonlySet<string>): string[] {
  if (results.length === 0) return [];
  const groups = [...Map.groupBy(results, (r) => r.rule)].map(([rule, found]) => {
    const meta = rules.get(rule);
    const first = found[0] as ReviewedResult;
    return [
      `### ${rule}${classOf(first)}${meta === undefined ? '' : `: ${meta.title}`}\n`, ...(meta === undefined || found.every((r) => r.message.includes(meta.help)) ? [] : [`To mend it: ${meta.help}\n`]),
      ...found.map((r) => `- ${r.path}:${r.line}\n  ${r.message}\n${fixable.has(placeOf(r)) ? '  `sallyport fix` tries this one.\n' : ''}`),
    ].join('\n');
  });
  return [`## ${severity} (${results.length})\n`, ...groups];
}

function advisorySection(hits: Reviewed['hits'], fixable: ReadonlySet<string>): string[] {
  if (hits.length === 0) return [];
  return [
    `## Known advisories (${hits.length})\n`,
    ...hits.slice(0, MAX).map((h) => `- ${h.id} in ${h.package}@${h.version}${h.severity === null ? '' : `, ${h.severity}`}: ${h.summary}\n${h.fixed.length === 0 ? '  No fixed version is known.\n' : `  Fixed in ${h.fixed.join(', ')}.\n`}${fixable.has(`${h.id} ${h.package}@${h.version}`) ? '  `sallyport fix` tries this one.\n' : ''}`),
  ];
}

function classOf({ cwe }: Pick<ReviewedResult, 'cwe'>): string {
  return cwe === null ? '' : ` (${cwe})`;
}

function placeOf({ rule, path, line }: Pick<ReviewedResult, 'rule' | 'path' | 'line'>): string {
  return `${rule} ${path}:${line}`;
}
