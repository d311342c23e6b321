import { z } from 'zod';
import { Digest } from './body.js';
import { Guarantee } from './guarantee.js';

/** Kinds of task; what proves each stands in docs/architecture.md#proof. */
export const KINDS = ['fix', 'test', 'refactor', 'upgrade', 'feature', 'review', 'ask'] as const;
export const Kind = z.enum(KINDS);
export type Kind = z.infer<typeof Kind>;

/** `passed` proved · `failed` a condition does not hold · `unverified` nothing proves it · `error` the proof itself broke. */
export const Verdict = z.enum(['passed', 'failed', 'unverified', 'error']);
export type Verdict = z.infer<typeof Verdict>;

/** How sensitive a repository is. Unlabelled counts as `restricted`. */
export const SENSITIVITIES = ['public', 'internal', 'confidential', 'restricted'] as const;
export const Sensitivity = z.enum(SENSITIVITIES);
export type Sensitivity = z.infer<typeof Sensitivity>;

/** Who drives: `loop` is Sallyport's own agent; `remediator` applies mechanical fixes without a model; `check` drives nothing (a gate run on a given change). */
export const Agent = z.enum(['loop', 'remediator', 'check']);
export type Agent = z.infer<typeof Agent>;

/** What a task may use before it pauses. `usd` counts only where a price is known. */
export const Budget = z.strictObject({
  rounds: z.int().min(1).max(20),
  seconds: z.int().min(10).max(86_400),
  tokens: z.int().min(1000),
  usd: z.number().positive(),
});
export type Budget = z.infer<typeof Budget>;

/** What the policy says of the verdict (docs/policy.md, *The gate*). */
export const GateTerms = z.strictObject({
  /** More that must hold: `notes`, `advisories`, `security-tests`, `check:NAME`. */
  requires: z.array(z.string().max(200)).max(100),
  /** Conditions that leave the verdict as it is where they are unknown. */
  accepts: z.array(z.string().max(200)).max(100),
});
export type GateTerms = z.infer<typeof GateTerms>;

export const DEFAULT_BUDGET: Budget = { rounds: 3, seconds: 1800, tokens: 1_000_000, usd: 5 };

/** Where a model is reached. `local` = the address is on this machine, so nothing leaves it. No key stands here, only a reference. */
export const ModelTarget = z.strictObject({
  name: z.string().min(1).max(200),
  /** The wire protocol: Chat Completions, Responses or Messages. */
  protocol: z.enum(['chat', 'responses', 'messages']),
  /** `scripted:FILE` targets have no URL: the scripted model is started by the worker. */
  baseUrl: z.string().nullable(),
  script: z.string().nullable(),
  /** Where the key stands: `env:NAME` or `file:PATH`. The key itself is read by the worker and used by the gateway only. */
  keyRef: z.string().nullable(),
  local: z.boolean(),
});
export type ModelTarget = z.infer<typeof ModelTarget>;

/** What was asked, complete: a run can be repeated from it and from nothing else. */
export const TaskRequest = z.strictObject({
  text: z.string().min(1).max(20_000),
  kind: Kind,
  agent: Agent,
  model: ModelTarget.nullable(),
  /** Absolute folder or https URL, as given. */
  repository: z.string().min(1).max(4096),
  /** Protected base: instructions, environment and test configuration are read here only. 40 hex digits. */
  baseCommit: z.string().regex(/^[0-9a-f]{40,64}$/),
  /** For `check`: the commit that holds the change. */
  headCommit: z.string().regex(/^[0-9a-f]{40,64}$/).nullable(),
  /** For `check`, in place of `headCommit`: a patch on the base. `blob` is its git id in the mirror, `digest` that of its bytes. */
  patch: z.strictObject({ blob: z.string().regex(/^[0-9a-f]{40,64}$/), bytes: z.int(), digest: Digest }).optional(),
  /** For `remediator`: null = fixes of the code and of the dependencies. */
  only: z.enum(['code', 'deps']).nullable().default(null),
  requester: z.string().min(1).max(200),
  budget: Budget,
  /** An environment definition that the person gave with the request; null = the one on the base, or what is detected. */
  environment: z.strictObject({ text: z.string().max(200_000), source: z.string().max(1000) }).nullable(),
  /** What the policy demands of every sandbox, beyond what is always demanded. Default: nothing. */
  demands: z.array(Guarantee).max(50).optional(),
  /** What the policy asks of the gate beyond its own conditions, and what it accepts. Default: nothing. */
  gate: GateTerms.optional(),
});
export type TaskRequest = z.infer<typeof TaskRequest>;

/** Where a task stands. Ended states are `done`, `refused` and `failed`; `done` has a verdict. */
export const TaskState = z.enum(['created', 'running', 'stopped', 'waiting', 'done', 'refused', 'failed']);
export type TaskState = z.infer<typeof TaskState>;
