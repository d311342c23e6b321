import { z } from 'zod';
import { Ecosystem } from './ecosystem.js';
import { BodyRef, Condition, Digest } from './evidence.js';
import { ProposedLine } from './environment.js';
import { Guarantee } from './guarantee.js';
import { GateTerms, Budget, Kind, Sensitivity, TaskRequest, Verdict } from './task.js';

/**
 * The events of a task's log. Everything that happens is one of these; the screen, the export, the evidence and the resume
 * after a crash read them and nothing else. An unknown type or version is refused, never guessed.
 */
const Short = z.string().max(4000);
const Phase = z.enum(['fetch', 'build', 'agent', 'verify', 'scan', 'extract', 'probe']);
export type Phase = z.infer<typeof Phase>;

export { Ecosystem };

export const DecisionData = z.strictObject({
  action: z.string(),
  effect: z.enum(['allow', 'ask', 'deny']),
  /** Id of the rule that decided; `default` when no rule permits. */
  rule: z.string(),
  reason: Short,
  policy: z.string(),
  version: Digest,
  /** What every sandbox of the task must enforce beyond what is always demanded; left out where nothing more is. */
  demands: z.array(Guarantee).optional(),
  /** What the gate is to require and accept; left out where it is neither. */
  gate: GateTerms.optional(),
});
export type DecisionData = z.infer<typeof DecisionData>;

/** Programs that the kernel saw start in a sandbox, from one command's end to the next; `lost` and `omitted` say what the list lacks. */
const Executed = z.strictObject({ programs: z.array(z.strictObject({ pid: z.int(), path: Short })), omitted: z.int(), lost: z.int() });

/** Why something was refused that a person may allow: the line of sallyport.yaml that would, and the command that asked. */
const Denied = z.strictObject({ why: Short, line: z.strictObject({ key: z.string().max(100), value: z.string().max(1000) }).nullable(), by: Short });

const Termination = z.enum(['exited', 'timeout', 'oom', 'killed', 'lost', 'output_limit']);

export const EVENTS = {
  'task.created': z.strictObject({ request: TaskRequest }),
  'policy.decided': DecisionData,
  /** The request's text, judged before anything starts. `purpose` is what the person declared, null without. */
  'request.screened': z.strictObject({ outcome: z.enum(['allow', 'ask', 'refuse']), score: z.number(), reasons: z.array(Short), screen: z.string(), purpose: Short.nullable() }),
  'repository.labelled': z.strictObject({ repository: z.string(), label: Sensitivity, by: Short }),
  'task.refused': z.strictObject({ code: z.string(), message: Short }),

  'budget.raised': z.strictObject({ by: Short, budget: Budget }),

  'run.started': z.strictObject({ worker: z.string(), epoch: z.int() }),
  'run.resumed': z.strictObject({ worker: z.string(), epoch: z.int() }),
  'run.stopped': z.strictObject({ reason: z.enum(['person', 'budget', 'error']), message: Short }),
  'run.ended': z.strictObject({ verdict: Verdict, evidence: Digest.nullable(), message: Short }),
  /** The durable result of a workflow step: a step that finds its own here does not run again. */
  'step.ended': z.strictObject({ step: z.string().max(200), result: z.json() }),
  'error.raised': z.strictObject({ code: z.string(), message: Short, hint: Short.nullable() }),

  'source.resolved': z.strictObject({ commit: z.string(), tree: z.string(), skipped: z.array(z.strictObject({ path: Short, reason: Short })) }),
  'instructions.read': z.strictObject({
    files: z.array(z.strictObject({ path: Short, bytes: z.int(), used: z.int(), digest: Digest })),
  }),

  'sandbox.started': z.strictObject({ sandbox: z.string(), driver: z.string(), phase: Phase, enforced: z.array(Guarantee), missing: z.array(Guarantee) }),
  'sandbox.probed': z.strictObject({ sandbox: z.string(), ok: z.boolean(), probes: z.array(z.strictObject({ id: z.string(), ok: z.boolean(), detail: Short })) }),
  'sandbox.ended': z.strictObject({ sandbox: z.string(), oomKills: z.int(), pidsRefused: z.int(), peakBytes: z.int().nullable(), cpuMs: z.int().nullable(), executed: Executed.nullable().optional() }),

  /** On the log before the command is sent into the sandbox. `env` holds names only. */
  'command.started': z.strictObject({ command: z.string(), sandbox: z.string(), phase: Phase, argv: z.array(z.string()), cwd: z.string(), env: z.array(z.string()) }),
  'command.ended': z.strictObject({ command: z.string(), exit: z.int().nullable(), signal: z.string().nullable(), reason: Termination, ms: z.int(), output: BodyRef.nullable(), truncated: z.boolean(), executed: Executed.nullable().optional() }),

  'egress.requested': z.strictObject({ sandbox: z.string(), method: z.string().max(20), target: Short, verdict: z.enum(['allow', 'deny']), rule: z.string(), status: z.int().nullable(), bytes: z.int(), denial: Denied.optional() }),
  /** A tunnel to a declared host has ended; its `egress.requested` stands before it. Bytes are those of TLS. */
  'egress.tunnelled': z.strictObject({ sandbox: z.string(), host: z.string(), port: z.int(), address: z.string(), verdict: z.enum(['allow', 'deny']), rule: z.string(), sent: z.int(), received: z.int() }),
  'setup.fetched': z.strictObject({ packages: z.array(z.strictObject({ ecosystem: Ecosystem.default('npm'), name: z.string(), version: z.string(), integrity: z.string() })), bytes: z.int() }),
  /** A snapshot that is there and that nobody vouches for as it is: it is made anew. */
  'snapshot.refused': z.strictObject({ snapshot: z.string(), reason: Short }),
  'snapshot.frozen': z.strictObject({ snapshot: z.string(), inputs: Digest, reused: z.boolean(), sbom: BodyRef.nullable().optional() }),

  /** A service of the environment, in an agent's or a check's sandbox. */
  'service.started': z.strictObject({ sandbox: z.string(), service: z.string(), kind: z.string(), ready: z.boolean(), ms: z.int() }),

  'model.requested': z.strictObject({ call: z.string(), model: z.string(), host: z.string(), request: BodyRef }),
  'model.answered': z.strictObject({
    call: z.string(), status: z.int(), response: BodyRef, inputTokens: z.int().nullable(), outputTokens: z.int().nullable(),
    usd: z.number().nullable(), ms: z.int(),
  }),
  'model.failed': z.strictObject({ call: z.string(), message: Short }),
  /** One assistant message: text and tool calls as the loop will see them again after a crash. */
  'turn.answered': z.strictObject({ round: z.int(), turn: z.int(), message: BodyRef }),
  'tool.called': z.strictObject({ round: z.int(), turn: z.int(), call: z.string(), name: z.string(), input: BodyRef }),
  'tool.ended': z.strictObject({ round: z.int(), turn: z.int(), call: z.string(), ok: z.boolean(), output: BodyRef }),
  'agent.finished': z.strictObject({ round: z.int(), reason: z.enum(['finish', 'no_tool_calls', 'turn_limit', 'no_progress']), summary: BodyRef.nullable() }),
  /** Lines that the agent would have in sallyport.yaml. Nothing follows from it: a person may put them there. */
  'environment.proposed': z.strictObject({ round: z.int(), turn: z.int(), call: z.string(), lines: z.array(ProposedLine).min(1).max(20), why: Short }),
  'feedback.given': z.strictObject({ round: z.int(), body: BodyRef }),

  /** What the remediator found to try; `body` holds the candidates. */
  'remedy.planned': z.strictObject({ candidates: z.int(), advice: z.int(), body: BodyRef }),
  /** One candidate, applied alone to the base and measured in fresh sandboxes. */
  'remedy.tried': z.strictObject({ candidate: Short, title: Short, kept: z.boolean(), reason: Short.nullable(), commit: z.string().nullable() }),

  'change.extracted': z.strictObject({
    round: z.int(), commit: z.string(), tree: z.string(), patch: BodyRef,
    files: z.array(z.strictObject({ path: Short, status: z.enum(['added', 'modified', 'deleted']), mode: z.string(), digest: Digest.nullable() })),
    skipped: z.array(z.strictObject({ path: Short, reason: Short })),
  }),
  'check.ended': z.strictObject({ round: z.int(), side: z.enum(['base', 'head', 'red', 'old', 'base_again', 'head_again', 'red_again', 'covered', 'mutant']), check: z.string(), exit: z.int().nullable(), reason: z.string(), passed: z.int(), failed: z.int(), result: BodyRef }),
  /** Without `tool` it is Sallyport's own scan. */
  /** The base was not measured again: a run of this installation did, with the same inputs. */
  'baseline.reused': z.strictObject({ run: z.string(), at: z.iso.datetime(), inputs: Digest, body: BodyRef }),
  'scan.ended': z.strictObject({ round: z.int(), side: z.enum(['base', 'head']), tool: z.string().max(50).optional(), results: z.int(), sarif: BodyRef.nullable(), problem: Short.nullable() }),
  'gate.judged': z.strictObject({ round: z.int(), kind: Kind, verdict: Verdict, conditions: z.array(Condition), evidence: BodyRef }),

  'approval.given': z.strictObject({ approval: z.string(), by: Short, tree: z.string(), evidence: Digest, policy: Digest, verdict: Verdict, comment: Short.nullable() }),
  'approval.rejected': z.strictObject({ approval: z.string(), by: Short, tree: z.string(), evidence: Digest, reason: Short }),
  /** `of`: what is taken on besides the verdict, which has an event of its own. Absent: the verdict. */
  'override.recorded': z.strictObject({ by: Short, reason: Short, verdict: Verdict, evidence: Digest, of: z.literal('security_tests').optional() }),
  'change.applied': z.strictObject({ by: Short, target: Short, tree: z.string(), evidence: Digest, files: z.array(Short) }),
} as const;

export type EventType = keyof typeof EVENTS;
export type EventData<T extends EventType> = z.infer<(typeof EVENTS)[T]>;

/** Discriminated union over every event type. */
export type Event = { [T in EventType]: EventEnvelope & { readonly type: T; readonly data: EventData<T> } }[EventType];

/**
 * What stands around the data of every event. The canonical bytes (RFC 8785) of the whole object are what is hashed and what
 * is stored. `id` is (task or run, step, attempt, n): the same happening appended twice has the same id and is stored once.
 */
export interface EventEnvelope {
  readonly v: 1;
  readonly id: string;
  readonly task: string;
  readonly run: string | null;
  /** Position in the task's chain, from 0. */
  readonly seq: number;
  /** UTC, ISO 8601 with milliseconds. */
  readonly at: string;
  /** Hash of the event before (hex), 64 zeros for the first. */
  readonly prev: string;
}

export const Envelope = z.strictObject({
  v: z.literal(1),
  id: z.string().min(1).max(300),
  task: z.string(),
  run: z.string().nullable(),
  seq: z.int().min(0),
  at: z.iso.datetime(),
  prev: z.string().regex(/^[0-9a-f]{64}$/),
  type: z.enum(Object.keys(EVENTS) as [EventType, ...EventType[]]),
  data: z.unknown(),
});

/** Parses one stored event; throws a ZodError when version, type or data are not known exactly. */
export function parseEvent(value: unknown): Event {
  const envelope = Envelope.parse(value);
  const data = EVENTS[envelope.type].parse(envelope.data);
  return { ...envelope, data } as Event;
}

/** An event before the log has given it its place. */
export type NewEvent = {
  [T in EventType]: { readonly id: string; readonly run: string | null; readonly type: T; readonly data: EventData<T> };
}[EventType];

/**
 * Where a step writes what happens. Bound to one task, run and step by the workflow. `record` resolves when the event is
 * durable: call it before the effect that it announces. `keep` stores a body (redacted where it is text) and returns how the
 * log refers to it.
 */
export interface Journal {
  record<T extends EventType>(type: T, data: EventData<T>): Promise<void>;
  keep(body: Buffer | string, media: string): Promise<BodyRef>;
}
