import { z } from 'zod';
import { Guarantee } from '../protocol/guarantee.js';
import { GateTerms, Kind, Sensitivity, Verdict } from '../protocol/task.js';

/** What somebody wants to do; the words are Cedar's action ids. */
export const PolicyAction = z.enum(['submit', 'approve', 'apply', 'override']);
export type PolicyAction = z.infer<typeof PolicyAction>;

/** One question to the policy. Complete by construction: nothing is optional but the verdict, so no rule can be skipped for a gap. */
export const PolicyRequest = z.strictObject({
  /** Who acts, as in the log. */
  principal: z.string().min(1).max(200),
  action: PolicyAction,
  /** Absolute folder or https URL, as given. */
  repository: z.string().min(1).max(4096),
  context: z.strictObject({
    sensitivity: Sensitivity,
    /** False when nobody labelled the repository; `sensitivity` is then `restricted`. */
    labelled: z.boolean(),
    kind: Kind,
    /** `loop` or `check`. */
    agent: z.string().min(1).max(100),
    /** Name of the model; `none` when there is none. */
    model: z.string().min(1).max(200),
    /** True for no model, a scripted one, and one whose address is on this machine: nothing leaves it. */
    modelLocal: z.boolean(),
    /** Verdict of the change that is acted on; `none` (the default) while there is none. */
    verdict: z.union([Verdict, z.literal('none')]).default('none'),
    /** True when the acting person is the one who asked for the task. */
    requesterIsPrincipal: z.boolean(),
  }).refine((c) => c.labelled || c.sensitivity === 'restricted', 'an unlabelled repository counts as restricted')
    .refine((c) => c.model !== 'none' || c.modelLocal, 'no model is a local one'),
});
/** As callers write it: `verdict` may be left out. */
export type PolicyRequest = z.input<typeof PolicyRequest>;

/** Must-match and must-not-match cases that travel with a policy; `rule` is compared when it is given. */
export const PolicyExample = z.strictObject({
  name: z.string().min(1).max(300),
  request: PolicyRequest,
  expect: z.strictObject({
    effect: z.enum(['allow', 'ask', 'deny']),
    rule: z.string().optional(),
    /** Rules that must not be the deciding one. */
    not: z.array(z.string()).max(50).optional(),
    /** Guarantees that every sandbox must enforce, all of them. */
    demands: z.array(Guarantee).max(50).optional(),
    /** What the gate is to require and to accept, all of it, in any order. */
    gate: GateTerms.optional(),
  }),
});
export type PolicyExample = z.input<typeof PolicyExample>;

/** Cedar schema (https://docs.cedarpolicy.com/schema/human-readable-schema.html) that every policy is validated against at load, and every request at decision. */
export const CEDAR_SCHEMA = `
entity Principal;
entity Repository;
type Context = {
  sensitivity: String,
  labelled: Bool,
  kind: String,
  agent: String,
  model: String,
  modelLocal: Bool,
  verdict: String,
  requesterIsPrincipal: Bool,
};
action submit, approve, apply, override appliesTo {
  principal: Principal,
  resource: Repository,
  context: Context,
};
`;
