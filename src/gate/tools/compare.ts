import type { ScanResult, ToolEvidence, ToolRun } from '../../protocol/evidence.js';
import type { ToolSpec } from '../../protocol/tools.js';
import { compare } from '../../sarif/compare.js';
import type { ToolSide } from './collect.js';

/** Results that evidence holds: new ones that decide, and others, for a reader to see what they are. */
const MAX_NEW = 2000;
const MAX_OTHER = 500;

/** What decides where nothing suppresses it. */
export function blocks(result: ScanResult): boolean {
  return result.state === 'new' && result.level !== 'note';
}

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
      results, unlisted: { new: 0, other: 0 }, rules: [...rules.values()], definitions: definitions(tool),
    };
  });
}

/** The same with no more results than evidence should hold, and the rules of those. */
export function fitted(tool: ToolEvidence): ToolEvidence {
  const [fresh, other] = [tool.results.filter(blocks), tool.results.filter((one) => !blocks(one))];
  const kept = new Set([...fresh.slice(0, MAX_NEW), ...other.slice(0, MAX_OTHER)]);
  const results = tool.results.filter((one) => kept.has(one));
  const named = new Set(results.map((one) => one.rule));
  return { ...tool, results, unlisted: { new: Math.max(0, fresh.length - MAX_NEW), other: Math.max(0, other.length - MAX_OTHER) }, rules: tool.rules.filter((rule) => named.has(rule.id)) };
}

function counts(run: ToolRun | undefined): boolean {
  return run !== undefined && run.reason === 'exited' && run.problem === null;
}
