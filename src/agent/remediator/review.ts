import type { AdvisoryResult } from '../../protocol/evidence.js';
import { count } from '../../protocol/words.js';
import type { SarifResult } from '../../sarif/parse.js';
import type { Plan } from './candidates.js';

export interface Reviewed {
  readonly results: readonly SarifResult[];
  readonly hits: readonly Omit<AdvisoryResult, 'state'>[];
  /** What `fix` would try. */
  readonly plan: Plan;
  /** Why advisories say nothing here; null when they do. */
  readonly unlooked: string | null;
}

const LEVELS = ['error', 'warning', 'note'] as const;
const TITLES = { error: 'To mend', warning: 'To look at', note: 'To know' } as const;
const MAX = 200;

/**
 * The report of a review without a model: every finding by level with its class, place, reason and remedy, and every known advisory.
 * `citations` are the places it names, which the gate looks up in the base.
 */
export function reviewReport({ results, hits, plan, unlooked }: Reviewed): { readonly text: string; readonly citations: readonly string[] } {
  const shown = LEVELS.flatMap((level) => results.filter((r) => r.level === level)).slice(0, MAX);
  const fixable = new Set(plan.candidates.flatMap((c) => c.targets.flatMap((t) => (t.kind === 'finding' ? [`${t.rule} ${t.path}:${t.line}`] : [`${t.id} ${t.package}@${t.version}`]))));
  const mark = (key: string): string => (fixable.has(key) ? '  `sallyport fix` tries this one.\n' : '');
  const parts = LEVELS.flatMap((level) => {
    const of = shown.filter((r) => r.level === level);
    if (of.length === 0) return [];
    return [`## ${TITLES[level]} (${of.length})\n`, ...of.map((r) => `- ${r.rule}${r.cwe === null ? '' : ` (${r.cwe})`} at ${r.path}:${r.line}\n  ${r.message}\n${mark(`${r.rule} ${r.path}:${r.line}`)}`)];
  });
  const advisories = hits.length === 0 ? [] : [
    `## Known advisories (${hits.length})\n`,
    ...hits.slice(0, MAX).map((h) => `- ${h.id} in ${h.package}@${h.version}${h.severity === null ? '' : `, ${h.severity}`}: ${h.summary}\n${h.fixed.length === 0 ? '  No fixed version is known.\n' : `  Fixed in ${h.fixed.join(', ')}.\n`}${mark(`${h.id} ${h.package}@${h.version}`)}`),
  ];
  const left = results.length - shown.length;
  const head = `${count(results.length, 'finding')} and ${unlooked === null ? count(hits.length, 'known advisory', 'known advisories') : `no look at known advisories (${unlooked})`}. ${shown.length === 0 ? 'The rules found nothing; that says nothing about what they cannot see.' : ''}`.trim();
  return { text: [`${head}\n`, ...parts, ...advisories, ...(left > 0 ? [`And ${left} more, in the SARIF of the run.\n`] : [])].join('\n'), citations: [...new Set(shown.map((r) => `${r.path}:${r.line}`))] };
}
