import { z } from 'zod';

/** Lines of a file, from and to, both among them. */
export const LineRange = z.tuple([z.int().min(1), z.int().min(1)]);
export type LineRange = z.infer<typeof LineRange>;

/** How coverage was measured: by V8, by the runner's own istanbul form, or by a trace of Python's lines. */
export const CoverageBy = z.enum(['v8', 'istanbul', 'trace']);

/** Lines of code that a change added or edited, and which of them a run of the checks executed. All counts come out of the sandbox in which code of the change ran. */
export const FileCoverage = z.strictObject({
  path: z.string(),
  /** Lines that the change added or edited. */
  changed: z.int(),
  /** Those of them that can be executed; null = not measured, for the reason. */
  executable: z.int().nullable(),
  executed: z.int(),
  unexecuted: z.array(LineRange).max(50),
  reason: z.string().max(1000).nullable(),
});
export type FileCoverage = z.infer<typeof FileCoverage>;

/** Code outside of tests that the change touches, and what of it was executed. `more` = files of code that were not looked at. */
export const Coverage = z.strictObject({
  /** `reason` = why the check measures nothing; `problem` = why what it should have measured cannot be told. */
  checks: z.array(z.strictObject({ check: z.string(), by: CoverageBy.nullable(), reason: z.string().max(1000).nullable(), problem: z.string().max(1000).nullable() })),
  files: z.array(FileCoverage).max(500),
  more: z.int(),
});
export type Coverage = z.infer<typeof Coverage>;
