import { z } from 'zod';

/** A path of the repository, from its root. */
export const RelativePath = z
  .string()
  .min(1)
  .max(500)
  .refine((p) => !p.startsWith('/') && !p.split('/').includes('..') && !p.includes('\0'), 'expected a path inside the repository');

/** Forms in which linters, formatters, type checkers and scanners tell what they find. */
export const TOOL_REPORTS = ['sarif', 'eslint-json', 'tsc', 'mypy', 'ruff-json', 'github', 'files', 'lines'] as const;

const Exit = z.int().min(0).max(255);

/** A program of the project that finds things. It runs on base and head; what it finds on the head alone is new. */
export const ToolSpec = z.strictObject({
  command: z.string().min(1).max(4000),
  /** The form of its report. */
  report: z.enum(TOOL_REPORTS),
  /** The file that it leaves its report in. Without: standard output. */
  output: RelativePath.optional(),
  /** Exit codes with which it did its work, whatever it found. */
  clean: z.array(Exit).min(1).max(10).default([0]),
  /** Exit codes that say that it found something. Any other is a tool that did not do its work. */
  findings: z.array(Exit).max(10).optional(),
  timeout: z.int().min(1).max(3600).default(600),
});
export type ToolSpec = z.infer<typeof ToolSpec>;

/** Names that would look like Sallyport's own rules. */
const TAKEN: readonly string[] = ['sallyport', 'tamper', 'flow', 'secret', 'js', 'py', 'sh', 'docker', 'gha'];
export const ToolId = z.string().regex(/^[a-z][a-z0-9-]{0,40}$/).refine((name) => !TAKEN.includes(name), `expected another name: ${TAKEN.join(', ')} are prefixes of Sallyport's own rules`);

const Day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a day such as 2026-12-31').refine((day) => new Date(`${day}T00:00:00Z`).toJSON()?.slice(0, 10) === day, 'expected a day that there is');

/** A result that a person of the protected base takes on, with the reason and until when. */
export const Suppression = z.strictObject({
  /** Id of the rule; `*` stands for any characters. */
  rule: z.string().min(1).max(300),
  /** A path; `*` stands for any part of a name, `**` for any folders. */
  path: z.string().min(1).max(500),
  /** Of one result alone. */
  fingerprint: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256: and 64 hex digits, as `evidence` shows it').optional(),
  reason: z.string().min(1).max(1000).refine((text) => text.trim() !== '', 'expected a reason'),
  /** The last day on which it holds, in UTC. */
  until: Day,
  by: z.string().min(1).max(200).optional(),
});
export type Suppression = z.infer<typeof Suppression>;
