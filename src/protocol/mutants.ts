import { z } from 'zod';

export const Operator = z.enum(['removed-guard', 'negated-condition', 'comparison', 'arithmetic', 'logic', 'return-value', 'removed-call', 'off-by-one']);
export type Operator = z.infer<typeof Operator>;

/** One fault that was put into covered code, and what the new tests said of it. */
export const Mutant = z.strictObject({
  check: z.string(),
  path: z.string().max(1000),
  line: z.int().min(1),
  operator: Operator,
  before: z.string().max(300),
  after: z.string().max(300),
  /**
   * `killed` = a new case failed by what it asserts. `stopped` = the fault itself threw or did not end, so that every test that runs it fails, also one that asserts nothing.
   * `unclear` = the run told nothing of the tests, such as code that no longer loads.
   */
  outcome: z.enum(['killed', 'stopped', 'survived', 'unclear']),
  /** The case that failed, if one did. */
  by: z.string().max(2000).nullable(),
});
export type Mutant = z.infer<typeof Mutant>;

/** `reason` = why none were run. `left` = candidates that were not tried. */
export const Mutants = z.strictObject({ reason: z.string().max(1000).nullable(), left: z.int(), tried: z.array(Mutant).max(50) });
export type Mutants = z.infer<typeof Mutants>;
