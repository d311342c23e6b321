import type { ToolEvidence, ToolRun } from '../../protocol/evidence.js';
import { count } from '../../protocol/words.js';

/** One tool in one line: what it found on both sides, or why that does not count. */
export function toolText({ name, base, head, counts, definitions }: ToolEvidence): string {
  const version = head?.version ?? base?.version ?? null;
  const side = (at: string, run: ToolRun | null): string => (run === null ? `it did not run on the ${at}` : run.problem !== null || run.reason !== 'exited' ? `on the ${at} it does not count: ${run.problem ?? run.reason}` : `${run.found} on the ${at}`);
  const both = base?.problem === null && head?.problem === null;
  const outside = (base?.outside ?? 0) + (head?.outside ?? 0);
  return [
    `${name}${version === null ? '' : ` ${version}`}: ${side('base', base)}; ${side('head', head)}`, ...(both ? [`${counts.new} new, ${counts.absent} gone`] : []),
    ...(outside === 0 ? [] : [`${count(outside, 'finding')} outside of the tree left out`]), ...(definitions.length === 0 ? [] : [`the change says how it runs: ${definitions.slice(0, 5).join(', ')}`]),
  ].join('; ');
}
