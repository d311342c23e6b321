import { z } from 'zod';
import { BodyRef, Digest } from './body.js';
import { Coverage } from './coverage.js';
import { PublicInterface } from './interface.js';
import { Mutants } from './mutants.js';
import { Dependencies } from './dependencies.js';
import { CASE_RUNNERS } from './environment.js';
import { ReviewedFinding } from './review.js';
import { Agent, GateTerms, Kind, Verdict } from './task.js';
import { Suppression, TOOL_REPORTS } from './tools.js';

export { BodyRef, Digest };

export const CaseStatus = z.enum(['passed', 'failed', 'skipped', 'todo']);
/** One test case. `id` = file and the path of names, joined by ` > `; it is what base and head are compared by. */
export const TestCase = z.strictObject({
  id: z.string().max(2000),
  file: z.string().max(1000).nullable(),
  status: CaseStatus,
  /** Milliseconds. */
  ms: z.number().min(0),
  message: z.string().max(4000).nullable(),
});
export type TestCase = z.infer<typeof TestCase>;

/** One check as it ran once in a fresh sandbox. `cases` is null where the runner gives only an exit code. */
export const CheckRun = z.strictObject({
  name: z.string(),
  runner: z.enum([...CASE_RUNNERS, 'command']),
  argv: z.array(z.string()),
  exit: z.int().nullable(),
  /** How it ended: `exited`, `timeout`, `oom`, `killed`, `lost` (the sandbox went away). */
  reason: z.enum(['exited', 'timeout', 'oom', 'killed', 'lost']),
  ms: z.number(),
  cases: z.array(TestCase).nullable(),
  /** Set when the report cannot be believed (unreadable, or disagrees with the exit code). */
  problem: z.string().nullable(),
  /** What of the things that judge a test was changed while tests ran, as our program beside them told. Not there where nothing watches that. */
  meddled: z.array(z.string().max(300)).max(100).optional(),
  /** Why its report, or a part of it, is the runner's own word where such runners are held to more, as our program beside it told. */
  uncovered: z.string().max(300).optional(),
  output: BodyRef.nullable(),
});
export type CheckRun = z.infer<typeof CheckRun>;

/** A check that ran once more over a tree that gave a verdict. `covered` = coverage was measured meanwhile. */
export const RunAgain = z.strictObject({ side: z.enum(['base', 'head', 'red']), covered: z.boolean(), run: CheckRun });
export type RunAgain = z.infer<typeof RunAgain>;

/** What changed for one case between base and head. */
export const CaseChange = z.strictObject({
  id: z.string(),
  check: z.string(),
  change: z.enum(['fixed', 'broken', 'still_failing', 'new_passing', 'new_failing', 'removed', 'now_skipped', 'passing', 'skipped']),
  message: z.string().max(4000).nullable(),
  /** Two runs of the same case over the same tree ended differently. */
  flaky: z.literal(true).optional(),
});
export type CaseChange = z.infer<typeof CaseChange>;

/** The head against the base. */
const ChangeState = z.enum(['new', 'unchanged', 'absent']);

/** A scanner result, reduced to what the gate compares. The whole SARIF is kept as an artifact. */
export const ScanResult = z.strictObject({
  rule: z.string(),
  level: z.enum(['error', 'warning', 'note']),
  message: z.string().max(2000),
  path: z.string(),
  line: z.int().min(1),
  fingerprint: z.string(),
  state: ChangeState,
  cwe: z.string().nullable(),
});
export type ScanResult = z.infer<typeof ScanResult>;

/** One run of a tool of the project in a fresh sandbox. With a problem nothing that it told counts. */
export const ToolRun = z.strictObject({
  exit: z.int().nullable(),
  reason: CheckRun.shape.reason,
  ms: z.number(),
  /** Findings in the tree, and those elsewhere, which were left out. */
  found: z.int().min(0),
  outside: z.int().min(0),
  /** As its report says; null where it does not. */
  version: z.string().max(200).nullable(),
  problem: z.string().max(2000).nullable(),
  output: BodyRef.nullable(),
});
export type ToolRun = z.infer<typeof ToolRun>;

/** What a report says of a rule, for SARIF. */
export const ToolRule = z.strictObject({
  id: z.string().max(400),
  title: z.string().max(500).nullable(),
  help: z.string().max(2000).nullable(),
  uri: z.string().max(1000).nullable(),
  /** `security-severity`, 0.0 to 10.0. */
  severity: z.number().min(0).max(10).nullable(),
  level: z.enum(['error', 'warning', 'note']).nullable(),
});
export type ToolRule = z.infer<typeof ToolRule>;

/** A tool of the project on base and head. `results` has no more than a reader needs; `unlisted` counts the others: new ones of level error or warning, which decide all the same, and the rest. */
export const ToolEvidence = z.strictObject({
  name: z.string(),
  report: z.enum(TOOL_REPORTS),
  command: z.string(),
  /** Null: it did not run there. */
  base: ToolRun.nullable(),
  head: ToolRun.nullable(),
  counts: z.strictObject({ new: z.int().min(0), unchanged: z.int().min(0), absent: z.int().min(0) }),
  results: z.array(ScanResult),
  unlisted: z.strictObject({ new: z.int().min(0), other: z.int().min(0) }),
  rules: z.array(ToolRule),
  /** Files of the change that say what it looks for or how it runs. */
  definitions: z.array(z.string()),
});
export type ToolEvidence = z.infer<typeof ToolEvidence>;

/** Suppressions of the base as they stood at `at`, a day in UTC. `matched` = results of the head that fit, whether it still held or not. */
export const Suppressions = z.strictObject({ at: z.string().regex(/^\d{4}-\d{2}-\d{2}$/), list: z.array(Suppression.extend({ matched: z.int().min(0) })) });
export type Suppressions = z.infer<typeof Suppressions>;

/** A known advisory that applies to an installed package. `state` compares base and head. */
export const AdvisoryResult = z.strictObject({
  id: z.string().max(200),
  aliases: z.array(z.string().max(200)).max(50),
  package: z.string().max(300),
  version: z.string().max(200),
  severity: z.enum(['critical', 'high', 'moderate', 'low']).nullable(),
  summary: z.string().max(2000),
  /** Versions that a record names as fixed. */
  fixed: z.array(z.string().max(200)).max(100),
  state: ChangeState,
});
export type AdvisoryResult = z.infer<typeof AdvisoryResult>;

/** What a remedy sets out to remove: a result of the scanner, or an advisory on an installed version. */
export const Target = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('finding'), rule: z.string(), path: z.string(), line: z.int(), fingerprint: z.string() }),
  z.strictObject({ kind: z.literal('advisory'), id: z.string(), package: z.string(), version: z.string() }),
]);
export type Target = z.infer<typeof Target>;

/** One mechanical fix that the remediator tried alone: kept, or dropped with the reason. */
export const Remedy = z.strictObject({ id: z.string(), title: z.string().max(500), targets: z.array(Target).max(1000), kept: z.boolean(), reason: z.string().max(2000).nullable() });
export type Remedy = z.infer<typeof Remedy>;

/** What no mechanical fix exists for: it stays a finding, with what a person can do. */
export const Advice = z.strictObject({ what: z.string().max(500), where: z.string().max(1000), advice: z.string().max(2000) });
export type Advice = z.infer<typeof Advice>;

export const Condition = z.strictObject({
  id: z.string(),
  holds: z.enum(['yes', 'no', 'unknown']),
  /** One sentence with the figures that decided. */
  detail: z.string(),
  /** Unknown, and the policy takes it so: it does not keep the verdict from `passed`. */
  accepted: z.literal(true).optional(),
});
export type Condition = z.infer<typeof Condition>;

/** Everything a verdict rests on, and what it does not cover. Canonical bytes of this object are what an approval is bound to. */
export const Evidence = z.strictObject({
  v: z.literal(1),
  task: z.string(),
  run: z.string(),
  round: z.int(),
  kind: Kind,
  agent: Agent,
  request: z.string(),
  base: z.strictObject({ commit: z.string(), tree: z.string() }),
  head: z.strictObject({ commit: z.string(), tree: z.string() }),
  /** Where the base was not measured by this run: the run that did, and when. */
  baseline: z.strictObject({ run: z.string(), at: z.string() }).optional(),
  /** A change that was only read (`review`): nothing of it is the work. */
  subject: z.strictObject({ commit: z.string(), tree: z.string(), patch: BodyRef, files: z.array(z.strictObject({ path: z.string(), status: z.enum(['added', 'modified', 'deleted']), mode: z.string() })) }).optional(),
  patch: BodyRef.nullable(),
  files: z.array(z.strictObject({ path: z.string(), status: z.enum(['added', 'modified', 'deleted']), mode: z.string() })),
  /** What extraction left out, with the reason. */
  skipped: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
  /** `red` = the head's new and edited tests over the base's code; `old` = the base's tests that the change edited or deleted over the head's code. */
  checks: z.strictObject({ base: z.array(CheckRun), head: z.array(CheckRun), red: z.array(CheckRun), old: z.array(CheckRun).optional(), again: z.array(RunAgain).optional() }),
  /** Files of the change that say how a check that is judged by its exit code runs. */
  definitions: z.array(z.string()),
  cases: z.array(CaseChange),
  scan: z.strictObject({ ran: z.boolean(), problem: z.string().nullable(), results: z.array(ScanResult), sarif: BodyRef.nullable() }),
  /** One for each tool that the base declares. Absent where it declares none. */
  tools: z.array(ToolEvidence).optional(),
  /** Absent where the base has none. */
  suppressions: Suppressions.optional(),
  /** `source` null = no advisories are configured. `newest` = date of the newest record, `ageDays` at the time of judging. */
  advisories: z.strictObject({ source: z.string().nullable(), newest: z.string().nullable(), ageDays: z.int().nullable(), problem: z.string().nullable(), results: z.array(AdvisoryResult) }),
  /** Null: the change touches no manifest and no lockfile. Absent in evidence of before there was this part. */
  dependencies: Dependencies.nullable().optional(),
  /** Which of the changed lines of code a run of the checks executed. Absent in evidence of before there was this part. */
  coverage: Coverage.optional(),
  /** What packages offer to others. Absent where no way into one is known, and in evidence of before there was this part. */
  interface: PublicInterface.optional(),
  /** Faults that were put into the code that new tests cover. Of the kind `test` only. */
  mutants: Mutants.optional(),
  /** Of the remediator only. */
  remedies: z.array(Remedy),
  advice: z.array(Advice),
  environment: z.strictObject({ source: z.string(), snapshot: z.string().nullable(), headSnapshot: z.string().nullable(), driver: z.string(), enforced: z.array(z.string()), securityTests: z.array(z.string()).optional() }),
  instructions: z.array(z.strictObject({ path: z.string(), bytes: z.int(), used: z.int(), digest: Digest })),
  policy: z.strictObject({ name: z.string(), version: Digest }),
  /** What the policy requires of the gate and accepts; absent = neither. */
  terms: GateTerms.optional(),
  /** Findings of a reviewing model. Advice: no condition rests on them. */
  findings: z.array(ReviewedFinding).optional(),
  citations: z.array(z.strictObject({ ref: z.string(), exists: z.boolean() })),
  /** Why this verdict means less here than elsewhere; no condition. */
  warnings: z.array(z.string()),
  notChecked: z.array(z.string()),
  conditions: z.array(Condition),
  verdict: Verdict,
});
export type Evidence = z.infer<typeof Evidence>;

/** The same words on every surface: what no verdict of Sallyport covers. Never claimed otherwise anywhere. */
export const NOT_CHECKED: readonly string[] = [
  'business logic', 'authorisation intent', 'races', 'novel attacks', 'languages without rules', 'unexecuted lines',
];
