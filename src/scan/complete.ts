import type { SarifReport } from '../sarif/parse.js';

/** Reasons for which nothing that a scanner could have said is lost: no file content, or none that rules exist for. */
const HARMLESS: ReadonlySet<string> = new Set(['symlink', 'fifo', 'socket', 'device', 'binary']);

/**
 * Why a scan does not count for a change, or null when it does. A file that was left out (too large, nested too deeply, excluded by
 * name) matters when the change touched it; the same file untouched is on both sides of the comparison.
 * `changed` = paths of the change, relative to the root.
 */
export function scanProblem(report: SarifReport, changed: readonly string[]): string | null {
  if (report.problem !== null) return report.problem;
  for (const notice of report.notices) {
    if (HARMLESS.has(notice.id) || notice.path === null) continue;
    const { path } = notice;
    const hit = changed.find((file) => file === path || file.startsWith(`${path}/`));
    if (hit !== undefined) return `changed file ${JSON.stringify(hit)} was not scanned: ${notice.message}`.slice(0, 2000);
  }
  return null;
}
