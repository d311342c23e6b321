import type { Rule, SgNode } from '@ast-grep/napi';
import type { Edit, RuleMeta } from '../sarif/model.js';
import type { FileFacts } from './fix/facts.js';

/**
 * A shape in source code: what is wrong shows in one expression, with no data flow. `message` says what can happen and what to do
 * instead. `examples` are programs of which each must, or must not, give at least one result; a test runs them all.
 */
export interface ShapeRule extends RuleMeta {
  readonly message: string;
  /** Matches every source that the rule can match: the rule is not run on others, which makes a scan several times faster. */
  readonly hint: RegExp;
  readonly match: Rule;
  /** Last word in plain code, where the rule language cannot say it. */
  readonly accept?: (node: SgNode) => boolean;
  readonly examples: { readonly must: readonly string[]; readonly mustNot: readonly string[] };
  readonly fix?: RuleFix;
}

/**
 * The mechanical repair of what a rule finds. `edits` gives null where judgement is needed: the place stays a finding with `help`. What it
 * gives leaves nothing for the rule to find there, so that a second time changes nothing. `mustChange` are whole files before and after,
 * to the character; `mustNotChange` are files in which the rule finds something and offers no fix.
 */
export interface RuleFix {
  readonly title: string;
  readonly edits: (node: SgNode, file: FileFacts) => readonly Edit[] | null;
  readonly examples: { readonly mustChange: readonly (readonly [before: string, after: string])[]; readonly mustNotChange: readonly string[] };
}

/** Data of an HTTP request, as common frameworks name it. The regexes are Rust's, so linear in the text. */
const REQUEST = '\\b(req|request|ctx|ctx\\.request|c\\.req)\\.(query|body|params|param|headers|header|cookies|url|originalUrl|hostname)\\b|\\bsearchParams\\.get\\(';
/** For rules that need request data. */
export const REQUEST_HINT = /\b(?:req|request|ctx)\b|searchParams/;
const DYNAMIC: Rule = { any: [{ kind: 'identifier', regex: '[a-z]' }, { kind: 'this' }] };

/** An expression with request data in it. */
export const fromRequest: Rule = { regex: REQUEST };

/** A template with a substitution, or a concatenation with text, of something that is not a CONSTANT. */
export const built: Rule = {
  any: [
    { kind: 'template_string', has: { kind: 'template_substitution', has: { ...DYNAMIC, stopBy: 'end' } } },
    { kind: 'binary_expression', regex: '\\+', all: [{ has: { ...DYNAMIC, stopBy: 'end' } }, { has: { any: [{ kind: 'string' }, { kind: 'template_string' }], stopBy: 'end' } }] },
  ],
};

/** Anything but a literal. */
export const notLiteral: Rule = {
  not: { any: [{ kind: 'string' }, { kind: 'number' }, { kind: 'template_string', not: { has: { kind: 'template_substitution' } } }, { kind: 'arrow_function' }, { kind: 'function_expression' }] },
};

/** A call whose callee's text matches `callee`, with an argument at `at` (from 1; null = any) that matches `argument`. */
export function call(callee: string, argument: Rule | null = null, at: number | null = 1): Rule {
  return calling('call_expression', 'function', callee, argument, at);
}

/** `new X(...)`, in the same way. */
export function construct(callee: string, argument: Rule | null = null, at: number | null = 1): Rule {
  return calling('new_expression', 'constructor', callee, argument, at);
}

function calling(kind: string, field: string, callee: string, argument: Rule | null, at: number | null): Rule {
  const place = argument === null ? [] : [{ has: { field: 'arguments', has: { all: [{ nthChild: at ?? 'n' }, argument] } } }];
  return { kind, all: [{ has: { field, regex: callee } }, ...place] };
}

/** A property `name: value` of an object literal; both by regex on their text, quotes of the name aside. */
export function property(name: string, value: string): Rule {
  return { kind: 'pair', all: [{ has: { field: 'key', regex: `^["']?(${name})["']?$` } }, { has: { field: 'value', regex: value } }] };
}
