import { policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';
import { Guarantee } from '../protocol/guarantee.js';
import { ACCEPTABLE, isGateTerm } from '../protocol/gate-terms.js';

/** Levels, strongest first. Only the organisation's may permit; the others can only narrow. */
export type PolicyLevel = 'organisation' | 'project' | 'repository';
export interface PolicyText {
  readonly level: PolicyLevel;
  /** Cedar source. */
  readonly text: string;
}

/** One Cedar policy with what Sallyport reads from its annotations. */
export interface Rule {
  readonly id: string;
  readonly level: PolicyLevel;
  /** `ask` is a forbid with `@effect("ask")`: it stands in the way until a person decides. `demand` is a forbid with `@demands` or `@gate`: it forbids only what is not enforced, or what the gate does not find. */
  readonly effect: 'permit' | 'forbid' | 'ask' | 'demand';
  /** Guarantees that every sandbox of a task must enforce where a `demand` fits; empty for the others. */
  readonly demands: readonly Guarantee[];
  /** What the gate must find besides its own conditions, where a `demand` fits. */
  readonly requires: readonly string[];
  /** Conditions whose `unknown` a permit takes for its verdict. */
  readonly accepts: readonly string[];
  readonly reason: string;
  readonly text: string;
}

const MAX_TEXT = 256 * 1024;
const MAX_RULES = 1000;
const KNOWN_ANNOTATIONS: ReadonlySet<string> = new Set(['id', 'reason', 'effect', 'demands', 'gate', 'accepts']);

/**
 * Rules of every level, in order. Throws `policy.invalid` on a syntax error, a template, a rule without `@id` or `@reason`, an
 * unknown annotation (a misspelt `@effect` would turn an ask into something else), an id used twice, or a permit below the organisation.
 */
export function readRules(levels: readonly PolicyText[]): readonly Rule[] {
  const rules = levels.flatMap((level) => readLevel(level));
  if (rules.length > MAX_RULES) throw invalid(`holds ${rules.length} rules, at most ${MAX_RULES} are read`);
  const seen = new Set<string>();
  for (const rule of rules) {
    if (seen.has(rule.id)) throw invalid(`uses the rule id "${rule.id}" twice`);
    seen.add(rule.id);
  }
  return rules;
}

function readLevel({ level, text }: PolicyText): Rule[] {
  if (text.length > MAX_TEXT) throw invalid(`of level ${level} is ${text.length} characters long, at most ${MAX_TEXT} are read`);
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure') throw invalid(`of level ${level} does not parse: ${parts.errors.map((e) => e.message).join('; ')}`);
  if (parts.policy_templates.length > 0) throw invalid(`of level ${level} holds a template; only whole policies are read`);
  return parts.policies.map((source) => readRule(level, source));
}

function readRule(level: PolicyLevel, source: string): Rule {
  const answer = policyToJson(source);
  if (answer.type === 'failure') throw invalid(`of level ${level} does not parse: ${answer.errors.map((e) => e.message).join('; ')}`);
  const annotations = answer.json.annotations ?? {};
  const id = annotations.id ?? '';
  const reason = annotations.reason ?? '';
  const ask = annotations.effect;
  const unknown = Object.keys(annotations).filter((name) => !KNOWN_ANNOTATIONS.has(name));
  if (!/^[a-z][a-z0-9-]{0,80}$/.test(id) || id === 'default') {
    throw invalid(`of level ${level} has a rule whose @id is "${id}": need lower-case letters, digits and dashes, and not "default"`);
  }
  if (reason.trim() === '') throw invalid(`has no @reason on rule "${id}"`);
  if (unknown.length > 0) throw invalid(`has the unknown annotation @${unknown[0]} on rule "${id}"`);
  if (ask !== undefined && ask !== 'ask') throw invalid(`has @effect("${ask}") on rule "${id}"; only @effect("ask") is known`);
  if (ask !== undefined && answer.json.effect === 'permit') throw invalid(`has @effect("ask") on the permit "${id}"; it belongs on a forbid`);
  const demands = readDemands(id, annotations.demands);
  const requires = readWords('gate', id, annotations.gate, isGateTerm, 'notes, advisories, security-tests, coverage>=PERCENT, check:NAME');
  const accepts = readWords('accepts', id, annotations.accepts, (name) => ACCEPTABLE.has(name), [...ACCEPTABLE].join(', '));
  if ((demands ?? requires) !== null && (ask !== undefined || answer.json.effect === 'permit')) throw invalid(`has @${demands === null ? 'gate' : 'demands'} on rule "${id}"; it belongs on a forbid without @effect`);
  if (accepts !== null && answer.json.effect !== 'permit') throw invalid(`has @accepts on the forbid "${id}"; only a permit can accept something`);
  if (answer.json.effect === 'permit' && level !== 'organisation') {
    throw invalid(`permits in rule "${id}" of level ${level}; only the organisation may permit, lower levels only forbid`);
  }
  return { id, level, effect: ask === 'ask' ? 'ask' : (demands ?? requires) === null ? answer.json.effect : 'demand', demands: demands ?? [], requires: requires ?? [], accepts: accepts ?? [], reason, text: source };
}

/** Names of guarantees, separated by commas. Null where the annotation is not there. */
function readDemands(id: string, text: string | null | undefined): readonly Guarantee[] | null {
  if (text === undefined || text === null) return null;
  const parsed = z.array(Guarantee).min(1).safeParse(text.split(',').map((name) => name.trim()));
  if (!parsed.success) throw invalid(`has @demands("${text}") on rule "${id}"; there are the guarantees ${Guarantee.options.join(', ')}`);
  return parsed.data;
}

/** Words separated by commas, each known. Null where the annotation is not there. */
function readWords(annotation: string, id: string, text: string | null | undefined, known: (word: string) => boolean, all: string): readonly string[] | null {
  if (text === undefined || text === null) return null;
  const words = text.split(',').map((word) => word.trim());
  const wrong = words.find((word) => !known(word));
  if (wrong !== undefined) throw invalid(`has @${annotation}("${text}") on rule "${id}"; "${wrong}" is not one of ${all}`);
  return words;
}

export function invalid(what: string): SallyportError {
  return new SallyportError('policy.invalid', `The policy ${what}.`, { hint: 'Mend the policy file; nothing runs without a policy that loads.' });
}
