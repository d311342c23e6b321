import { cweName } from '../build.js';
import type { SarifResult } from '../parse.js';
import { type TamperRule, tamperRule } from './rules.js';

/** Results of one rule for one change: more of them say nothing more. */
const MOST = 50;

/** A result of a rule: what was found in words, then the remedy. */
export function tamperResult(id: string, path: string, line: number, what: string, more: { readonly level?: SarifResult['level']; readonly key?: string } = {}): SarifResult {
  const rule = tamperRule(`tamper/${id}`) as TamperRule;
  return { rule: rule.id, level: more.level ?? rule.level, message: `${what.slice(0, 1500)} ${rule.help}`, path, line, snippet: (more.key ?? what).slice(0, 1000), cwe: rule.cwe === null ? null : cweName(rule.cwe), fix: null };
}

const RANK = { error: 0, warning: 1, note: 2 } as const;

/** The worst of each rule first, at most so many: none of a rule that blocks is dropped for one that does not. */
export function bounded(results: readonly SarifResult[]): SarifResult[] {
  const counts = new Map<string, number>();
  return [...results].sort((a, b) => RANK[a.level] - RANK[b.level]).filter((one) => {
    const already = counts.get(one.rule) ?? 0;
    counts.set(one.rule, already + 1);
    return already < MOST;
  });
}
