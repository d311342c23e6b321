import type { ScanResult, ToolEvidence, ToolRun } from '../../protocol/evidence.js';
import type { ToolSpec } from '../../protocol/tools.js';
import { compare } from '../../sarif/compare.js';
import type { ToolSide } from './collect.js';

/** Results of the evidence that are not new: for a reader, and to see what they are. */
const MAX_OLD = 500;

/**
 * What each tool found on the base and on the head. Where one side does not count nothing is compared: everything would look new, or nothing would. Every result is there, which
 * may be more than evidence should hold (`fitted`).
 */
export function compareTools(tools: Readonly<Record<string, ToolSpec>>, base: readonly ToolSide[], head: readonly ToolSide[], definitions: (tool: ToolSpec) => string[]): ToolEvidence[] {
  return Object.entries(tools).map(([name, tool]) => {
    const [before, after] = [base, head].map((side) => side.find((one) => one.name === name));
    const results = counts(before?.run) && counts(after?.run) ? compare(before?.results ?? [], after?.results ?? []) : [];
    const of = (state: ScanResult['state']): number => results.filter((one) => one.state === state).length;
    const rules = new Map([...(before?.rules ?? []), ...(after?.rules ?? [])].map((rule) => [rule.id, rule]));
    return {
      name, report: tool.report, command: tool.command, base: before?.run ?? null, head: after?.run ?? null, counts: { new: of('new'), unchanged: of('unchanged'), absent: of('absent') },
      results, unlisted: 0, rules: [...rules.values()], definitions: definitions(tool),
    };
  });
}

/** The same with no more results than evidence should hold, and the rules of those. */
export function fitted(tool: ToolEvidence): ToolEvidence {
  const old = tool.results.filter((one) => one.state !== 'new');
  const kept = new Set(old.slice(0, MAX_OLD));
  const results = tool.results.filter((one) => one.state === 'new' || kept.has(one));
  const named = new Set(results.map((one) => one.rule));
  return { ...tool, results, unlisted: tool.results.length - results.length, rules: tool.rules.filter((rule) => named.has(rule.id)) };
}

function counts(run: ToolRun | undefined): boolean {
  return run !== undefined && run.reason === 'exited' && run.problem === null;
}
