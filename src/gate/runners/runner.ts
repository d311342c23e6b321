import type { CheckSpec } from '../../protocol/environment.js';
import type { CheckRun, TestCase } from '../../protocol/evidence.js';
import type { Canary } from './canary.js';

export type RunnerName = Exclude<CheckSpec['runner'], 'command'>;

/** How a run ended, and the report that it left. All of it is hostile: code of the tree ran beside whatever wrote it. */
export interface RunnerOutput {
  /** Text of the report; null when there is none. */
  readonly report: string | null;
  /** True when the output or the report was cut. */
  readonly truncated: boolean;
  readonly exit: number | null;
  readonly reason: CheckRun['reason'];
  /** What the run was given, for a runner with `canaries`: the report must be signed with it and tell its two cases as they must be. */
  readonly canary?: Canary;
  /** True when the arguments choose among cases in a way that leaves the two out; the signature is demanded all the same. */
  readonly without?: boolean;
}

export interface RunnerReport {
  readonly cases: TestCase[];
  /** Why the report cannot be believed; null when report, counts, canary cases and exit code agree. */
  readonly problem: string | null;
  /** The exit code as it would be without the case that was made to fail. Left out: as it was. */
  readonly exit?: number | null;
  /** What of the things that judge a test was changed while tests ran. Left out: nothing watches that. */
  readonly meddled?: string[];
  /** Why a runner with `canaries` could not be held to them here, in whole or in part; results say so. Left out: it was. */
  readonly uncovered?: string;
}

/**
 * A test runner that tells its cases. Both functions are pure. `parse` MUST NOT throw, MUST give cases with ids of their own that are the
 * same on base and head (file and names, joined by ` > `), MUST name a file that does not load as a failed case, and MUST have a problem
 * wherever the report is missing, unreadable, or contradicts itself or the exit code. With a problem the cases are what could be read.
 */
export interface Runner {
  /** Where the report comes from: the runner's standard output, or `REPORT_FILE` inside its sandbox. */
  readonly reportsTo: 'stdout' | 'file';
  /** True when it is given a `Canary` on its standard input. False: nothing shows that code under test did not write the report, and results say so. */
  readonly canaries: boolean;
  /** True when these arguments leave the two cases out (`RunnerOutput.without`). Left out: none do. */
  leavesOut?(args: readonly string[]): boolean;
  /** The command, run in /workspace. */
  argv(args: readonly string[]): string[];
  parse(output: RunnerOutput): RunnerReport;
}

/** Characters of a report that are read. */
export const MAX_REPORT = 32 * 1024 * 1024;
