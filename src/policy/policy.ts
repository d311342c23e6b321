import { createHash } from 'node:crypto';
import { preparsePolicySet, preparseSchema, statefulIsAuthorized, validate } from '@cedar-policy/cedar-wasm/nodejs';
import type { DecisionData } from '../protocol/event.js';
import type { GateTerms } from '../protocol/task.js';
import { invalid, type PolicyText, type Rule, readRules } from './rules.js';
import { CEDAR_SCHEMA, PolicyExample, PolicyRequest } from './schema.js';

/** A loaded policy: every rule validated, every example held. */
export interface Policy {
  readonly name: string;
  /** `sha256:` over the name, schema, rules and examples: what an approval is bound to. */
  readonly version: string;
  /**
   * The strictest outcome of all rules: deny before ask before allow. Never throws: what cannot be evaluated is a deny by the rule
   * `error`; what no rule permits is a deny by the rule `default`.
   */
  decide(request: PolicyRequest): DecisionData;
}

type Outcome = Pick<DecisionData, 'effect' | 'rule' | 'reason' | 'demands' | 'gate'>;
interface Engine {
  readonly rules: ReadonlyMap<string, Rule>;
  readonly order: readonly string[];
  /** Names under which Cedar keeps the parsed sets; they hold the digest, so two policies never share one. */
  readonly all: string;
  readonly withoutAsk: string;
  /** What is demanded where it fits, and decides nothing. */
  readonly demands: string;
}

/**
 * Loads a policy of one or more levels (design.md section 3, row "Cedar for policy").
 * Throws `policy.invalid`: syntax, annotations, a permit below the organisation, a type error against the schema, or an example that does not hold.
 */
export function loadPolicy(input: { readonly name: string; readonly levels: readonly PolicyText[]; readonly examples: readonly PolicyExample[] }): Policy {
  const rules = readRules(input.levels);
  validateRules(rules);
  const version = digestOf(input.name, rules, input.examples);
  const engine = prepare(version, rules);
  const policy: Policy = { name: input.name, version, decide: (request) => decide(engine, input.name, version, request) };
  for (const example of input.examples) holdExample(policy, example);
  return policy;
}

function validateRules(rules: readonly Rule[]): void {
  const answer = validate({ schema: CEDAR_SCHEMA, policies: { staticPolicies: texts(rules) } });
  if (answer.type === 'failure') throw invalid(`cannot be validated: ${answer.errors.map((e) => e.message).join('; ')}`);
  // Warnings count: "impossible policy" means a rule that its author believes in and that never fires.
  const found = [...answer.validationErrors, ...answer.validationWarnings];
  if (found.length > 0) throw invalid(`does not fit the schema: ${found.map((f) => f.error.message).join('; ')}`);
}

function prepare(version: string, rules: readonly Rule[]): Engine {
  const engine: Engine = {
    rules: new Map(rules.map((rule) => [rule.id, rule])), order: rules.map((rule) => rule.id),
    all: `${version}/all`, withoutAsk: `${version}/without-ask`, demands: `${version}/demands`,
  };
  const answers = [
    preparseSchema(version, CEDAR_SCHEMA),
    preparsePolicySet(engine.all, { staticPolicies: texts(rules.filter((rule) => rule.effect !== 'demand')) }),
    preparsePolicySet(engine.withoutAsk, { staticPolicies: texts(rules.filter((rule) => rule.effect !== 'ask' && rule.effect !== 'demand')) }),
    preparsePolicySet(engine.demands, { staticPolicies: texts(rules.filter((rule) => rule.effect === 'demand')) }),
  ];
  for (const answer of answers) if (answer.type === 'failure') throw invalid(`cannot be prepared: ${answer.errors.map((e) => e.message).join('; ')}`);
  return engine;
}

function decide(engine: Engine, name: string, version: string, request: PolicyRequest): DecisionData {
  const about = { action: typeof request?.action === 'string' ? request.action : 'unknown', policy: name, version };
  try {
    return { ...about, ...evaluate(engine, version, PolicyRequest.parse(request)) };
  } catch (error) {
    return { ...about, ...failed(error instanceof Error ? error.message : String(error)) };
  }
}

function evaluate(engine: Engine, version: string, request: PolicyRequest): Outcome {
  const whole = ask(engine.all, version, request);
  if (whole.errors.length > 0) return failed(whole.errors.join('; '));
  if (whole.allowed) return demanding(engine, version, request, outcome('allow', engine, whole.rules), whole.rules);
  // Cedar knows two outcomes. Whether only asks stand in the way is found by taking them away.
  const strict = ask(engine.withoutAsk, version, request);
  if (strict.errors.length > 0) return failed(strict.errors.join('; '));
  if (strict.allowed) return outcome('ask', engine, whole.rules);
  if (strict.rules.length > 0) return outcome('deny', engine, strict.rules);
  return { effect: 'deny', rule: 'default', reason: 'No rule permits this.' };
}

/** What is allowed may still need more of a sandbox and of the gate: that of every rule that fits, together. What is accepted of the gate, the permits say that allow it. */
function demanding(engine: Engine, version: string, request: PolicyRequest, allowed: Outcome, permits: readonly string[]): Outcome {
  const fits = ask(engine.demands, version, request);
  if (fits.errors.length > 0) return failed(fits.errors.join('; '));
  const demands = [...new Set(fits.rules.flatMap((id) => engine.rules.get(id)?.demands ?? []))].sort();
  const requires = [...new Set(fits.rules.flatMap((id) => engine.rules.get(id)?.requires ?? []))].sort();
  const accepts = [...new Set(permits.flatMap((id) => engine.rules.get(id)?.accepts ?? []))].sort();
  return { ...allowed, ...(demands.length === 0 ? {} : { demands }), ...(requires.length + accepts.length === 0 ? {} : { gate: { requires, accepts } }) };
}

/** Cedar skips a policy that errors, also a forbid; `errors` is therefore looked at before the decision is. */
function ask(set: string, version: string, request: PolicyRequest): { allowed: boolean; rules: readonly string[]; errors: readonly string[] } {
  const answer = statefulIsAuthorized({
    principal: { type: 'Principal', id: request.principal },
    action: { type: 'Action', id: request.action },
    resource: { type: 'Repository', id: request.repository },
    context: { ...request.context, verdict: request.context.verdict ?? 'none' },
    preparsedSchemaName: version, validateRequest: true, preparsedPolicySetId: set, entities: [],
  });
  if (answer.type === 'failure') return { allowed: false, rules: [], errors: answer.errors.map((e) => e.message) };
  const { decision, diagnostics } = answer.response;
  return { allowed: decision === 'allow', rules: diagnostics.reason, errors: diagnostics.errors.map((e) => `rule ${e.policyId}: ${e.error.message}`) };
}

/** The first deciding rule in the order of the files, so that the same request names the same rule. */
function outcome(effect: Outcome['effect'], engine: Engine, deciding: readonly string[]): Outcome {
  const id = engine.order.find((rule) => deciding.includes(rule));
  const rule = id === undefined ? undefined : engine.rules.get(id);
  if (rule === undefined) return failed('the engine named no rule for its decision');
  return { effect, rule: rule.id, reason: rule.reason };
}

function failed(message: string): Outcome {
  return { effect: 'deny', rule: 'error', reason: `The policy could not be evaluated, which is a deny: ${message}`.slice(0, 4000) };
}

function holdExample(policy: Policy, example: PolicyExample): void {
  const parsed = PolicyExample.safeParse(example);
  if (!parsed.success) throw invalid(`has an example that is not of the expected form: ${parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`);
  const { name, request, expect } = parsed.data;
  const got = policy.decide(request);
  const wanted = expect.rule === undefined ? expect.effect : `${expect.effect} by "${expect.rule}"`;
  if (got.effect !== expect.effect || (expect.rule !== undefined && got.rule !== expect.rule)) {
    throw invalid(`does not hold its example "${name}": got ${got.effect} by "${got.rule}", need ${wanted}`);
  }
  if (expect.demands !== undefined && JSON.stringify([...expect.demands].sort()) !== JSON.stringify(got.demands ?? [])) throw invalid(`does not hold its example "${name}": it demands ${got.demands?.join(', ') ?? 'nothing'}, need ${expect.demands.join(', ') || 'nothing'}`);
  const sorted = (terms: GateTerms | undefined): string => JSON.stringify({ requires: [...(terms?.requires ?? [])].sort(), accepts: [...(terms?.accepts ?? [])].sort() });
  if (expect.gate !== undefined && sorted(expect.gate) !== sorted(got.gate)) throw invalid(`does not hold its example "${name}": of the gate it has ${sorted(got.gate)}, need ${sorted(expect.gate)}`);
  if (expect.not?.includes(got.rule) === true) throw invalid(`does not hold its example "${name}": rule "${got.rule}" decided, and must not`);
}

function texts(rules: readonly Rule[]): Record<string, string> {
  return Object.fromEntries(rules.map((rule) => [rule.id, rule.text]));
}

/** Arrays keep their order, so the JSON is canonical without sorting keys: every object here is built in one place. */
function digestOf(name: string, rules: readonly Rule[], examples: readonly PolicyExample[]): string {
  const content = JSON.stringify([name, CEDAR_SCHEMA, rules.map((r) => [r.level, r.id, r.text]), examples.map((e) => canonical(e))]);
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** Key order of a JSON file must not change a version. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, canonical(inner)]);
}
