import { z } from 'zod';
import { LineRange } from '../../protocol/coverage.js';

/** Characters of a report that are read. */
export const MAX_COVERAGE = 8 * 1024 * 1024;
const Ranges = z.array(LineRange).max(20_000).refine((all) => all.every(([from, to], i) => from <= to && (i === 0 || from > (all[i - 1]?.[1] ?? 0))), 'expected ranges in order that do not overlap');
const Reduced = z.union([
  z.strictObject({ path: z.string().max(1000), executable: Ranges, executed: Ranges }),
  z.strictObject({ path: z.string().max(1000), reason: z.string().max(1000) }),
]);
const Report = z.strictObject({ problem: z.string().max(1000).nullable(), files: z.array(Reduced).max(500) });
export type Report = z.infer<typeof Report>;

/** Reads what the program in the sandbox printed, as hostile: code of the change ran there before. */
export function readReport(text: string): Report {
  const refused = (problem: string): Report => ({ problem, files: [] });
  if (text.length > MAX_COVERAGE) return refused(`the report of coverage is ${text.length} characters long, at most ${MAX_COVERAGE} are read`);
  try {
    const read = Report.safeParse(JSON.parse(text));
    return read.success ? read.data : refused('the report of coverage is not of the form');
  } catch {
    return refused('the report of coverage cannot be read');
  }
}
